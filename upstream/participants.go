package upstream

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// GetParticipants reads the first page of a call's parties: GET
// …/participants, 200.
func (c *Client) GetParticipants(ctx context.Context, callConnectionID string) (*GetParticipantsResponse, error) {
	return get[GetParticipantsResponse](ctx, c, "getParticipants", callPath(callConnectionID, "/participants"))
}

// GetParticipantsNext reads the page that a nextLink leads to: GET, 200. The
// link may be relative, and is followed as it is; but only within the API of the
// client's own endpoint, or the request would be signed for a stranger.
func (c *Client) GetParticipantsNext(ctx context.Context, nextLink string) (*GetParticipantsResponse, error) {
	const name = "getParticipantsNext"
	link, err := url.Parse(nextLink)
	if err != nil || nextLink == "" {
		return nil, invalid(name, "the link to the next page is no URL")
	}
	target := c.endpoint.ResolveReference(link)
	if target.Scheme != c.endpoint.Scheme || !strings.EqualFold(target.Host, c.endpoint.Host) || target.User != nil {
		return nil, invalid(name, "the link to the next page leads to another host")
	}
	if !strings.HasPrefix(target.EscapedPath(), "/calling/") {
		return nil, invalid(name, "the link to the next page leads out of the API")
	}
	target.Host, target.Fragment, target.RawFragment = c.endpoint.Host, "", ""
	target.RawQuery = strings.ReplaceAll(target.RawQuery, " ", "%20") // a space would end the request line
	return get[GetParticipantsResponse](ctx, c, name, target.String())
}

// GetParticipant reads one party: GET …/participants/{rawId}, 200.
func (c *Client) GetParticipant(ctx context.Context, callConnectionID, rawID string) (*CallParticipant, error) {
	return get[CallParticipant](ctx, c, "getParticipant", callPath(callConnectionID, "/participants/"+escape(rawID)))
}

// AddParticipant invites one party into a call: POST …/participants:add, 202. It
// returns once the invitation is accepted; how it ended is an
// AddParticipantSucceeded or AddParticipantFailed callback carrying
// req.OperationContext. Repeatable.
func (c *Client) AddParticipant(ctx context.Context, repeat Repeat, callConnectionID string, req *AddParticipantRequest) (*AddParticipantResponse, error) {
	return post[AddParticipantResponse](ctx, c, operation{
		name: "addParticipant", path: callPath(callConnectionID, "/participants:add"), repeat: repeat, body: req, want: http.StatusAccepted,
	})
}

// RemoveParticipant removes one party: POST …/participants:remove, 202.
// RemoveParticipantSucceeded or RemoveParticipantFailed follows. Repeatable.
func (c *Client) RemoveParticipant(ctx context.Context, repeat Repeat, callConnectionID string, req *RemoveParticipantRequest) (*RemoveParticipantResponse, error) {
	return post[RemoveParticipantResponse](ctx, c, operation{
		name: "removeParticipant", path: callPath(callConnectionID, "/participants:remove"), repeat: repeat, body: req, want: http.StatusAccepted,
	})
}

// MuteParticipants mutes one ACS user: POST …/participants:mute, 200. It is done
// when it returns; ParticipantsUpdated shows it. Repeatable.
func (c *Client) MuteParticipants(ctx context.Context, repeat Repeat, callConnectionID string, req *MuteParticipantsRequest) (*MuteParticipantsResult, error) {
	return post[MuteParticipantsResult](ctx, c, operation{
		name: "mute", path: callPath(callConnectionID, "/participants:mute"), repeat: repeat, body: req, want: http.StatusOK,
	})
}

// CancelAddParticipant withdraws an invitation: POST
// …/participants:cancelAddParticipant, 202. CancelAddParticipantSucceeded or
// CancelAddParticipantFailed follows. Repeatable.
func (c *Client) CancelAddParticipant(ctx context.Context, repeat Repeat, callConnectionID string, req *CancelAddParticipantRequest) (*CancelAddParticipantResponse, error) {
	return post[CancelAddParticipantResponse](ctx, c, operation{
		name: "cancelAddParticipant", path: callPath(callConnectionID, "/participants:cancelAddParticipant"), repeat: repeat, body: req, want: http.StatusAccepted,
	})
}

// MoveParticipants moves parties here from another call: POST
// …/participants:moveHere, 202. MoveParticipantSucceeded or
// MoveParticipantFailed follows for each. Repeatable.
func (c *Client) MoveParticipants(ctx context.Context, repeat Repeat, callConnectionID string, req *MoveParticipantsRequest) (*MoveParticipantsResponse, error) {
	return post[MoveParticipantsResponse](ctx, c, operation{
		name: "moveParticipants", path: callPath(callConnectionID, "/participants:moveHere"), repeat: repeat, body: req, want: http.StatusAccepted,
	})
}
