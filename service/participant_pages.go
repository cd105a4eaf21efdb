package service

import (
	"context"
	"encoding/json"

	"github.com/callgate/callgate/upstream"
)

// participantPages reads the upstream's pages of participants.
type participantPages interface {
	GetParticipants(ctx context.Context, callConnectionID string) (*upstream.GetParticipantsResponse, error)
	GetParticipantsNext(ctx context.Context, nextLink string) (*upstream.GetParticipantsResponse, error)
}

// seal keeps what a client is to bring back from being made up.
type seal interface {
	Seal(about, text string) string
	Unseal(about, sealed string) (text string, good bool)
}

// pageToken is a place in the upstream's pages: a page, by the link that leads
// to it (none for the first), and how much of it was given out. The upstream
// knows no page size, so a page of ours may begin in the middle of one of its.
//
// To a client it is sealed with its call: the link is followed as it is, and could
// else lead to the call of somebody else.
type pageToken struct {
	Link string `json:"l,omitempty"`
	Skip int    `json:"s,omitempty"`
}

func (t *pageToken) sealed(seal seal, callConnectionID string) string {
	if t == nil {
		return ""
	}
	raw, _ := json.Marshal(t) // a string and a number always marshal
	return seal.Seal(callConnectionID, string(raw))
}

func parsePageToken(seal seal, callConnectionID, s string) (pageToken, error) {
	var t pageToken
	if s == "" {
		return t, nil
	}
	raw, good := seal.Unseal(callConnectionID, s)
	if !good || json.Unmarshal([]byte(raw), &t) != nil || t.Skip < 0 {
		return t, &fieldError{field: "page_token", description: "must be a next_page_token as it was returned, for the same call"}
	}
	return t, nil
}

// listParticipants reads up to size participants (0: what the upstream gives at
// once) and says where the rest begins, nil if there is none.
func listParticipants(ctx context.Context, pages participantPages, callConnectionID string, at pageToken, size int) ([]upstream.CallParticipant, *pageToken, error) {
	var found []upstream.CallParticipant
	for {
		page, err := readPage(ctx, pages, callConnectionID, at.Link)
		if err != nil {
			return nil, nil, err
		}
		rest := page.Value[min(at.Skip, len(page.Value)):]
		if size > 0 && len(found)+len(rest) > size {
			take := size - len(found)
			return append(found, rest[:take]...), &pageToken{Link: at.Link, Skip: at.Skip + take}, nil
		}
		found = append(found, rest...)
		if page.NextLink == "" {
			return found, nil, nil
		}
		at = pageToken{Link: page.NextLink}
		if size == 0 || len(found) == size {
			return found, &at, nil
		}
	}
}

func readPage(ctx context.Context, pages participantPages, callConnectionID, link string) (*upstream.GetParticipantsResponse, error) {
	if link == "" {
		return pages.GetParticipants(ctx, callConnectionID)
	}
	return pages.GetParticipantsNext(ctx, link)
}
