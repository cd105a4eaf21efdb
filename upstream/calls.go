package upstream

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

const callsPath = "/calling/callConnections"

// callPath is the path of one call connection, and what is behind it.
func callPath(callConnectionID, rest string) string {
	return callsPath + "/" + escape(callConnectionID) + rest
}

// escape writes an id as one path segment, as the official SDKs do: everything
// but letters, digits and "-_.!~*'()" is percent-encoded.
func escape(id string) string {
	var b strings.Builder
	for i := range len(id) {
		if c := id[i]; 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.!~*'()", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// CreateCall calls one or more targets: POST callConnections, 201. It returns
// once the call is being set up, in state connecting; CallConnected, or
// CreateCallFailed and CallDisconnected, tell how it went. Repeatable: with the
// same Repeat the upstream calls once, and answers with the call's current state.
func (c *Client) CreateCall(ctx context.Context, repeat Repeat, req *CreateCallRequest) (*CallConnectionProperties, error) {
	return post[CallConnectionProperties](ctx, c, operation{
		name: "createCall", path: callsPath, repeat: repeat, body: req, want: http.StatusCreated,
	})
}

// AnswerCall answers an incoming call: POST callConnections:answer, 200. It
// returns in state unknown; CallConnected or AnswerFailed follows. Repeatable.
func (c *Client) AnswerCall(ctx context.Context, repeat Repeat, req *AnswerCallRequest) (*CallConnectionProperties, error) {
	return post[CallConnectionProperties](ctx, c, operation{
		name: "answerCall", path: callsPath + ":answer", repeat: repeat, body: req, want: http.StatusOK,
	})
}

// RedirectCall sends an incoming call on: POST callConnections:redirect, 204. It
// is done when it returns; no event follows. Repeatable.
func (c *Client) RedirectCall(ctx context.Context, repeat Repeat, req *RedirectCallRequest) error {
	return c.do(ctx, operation{
		name: "redirectCall", method: http.MethodPost, path: callsPath + ":redirect", repeat: repeat, body: req, want: http.StatusNoContent,
	}, nil)
}

// RejectCall turns an incoming call away: POST callConnections:reject, 204. It
// is done when it returns; no event follows. Repeatable.
func (c *Client) RejectCall(ctx context.Context, repeat Repeat, req *RejectCallRequest) error {
	return c.do(ctx, operation{
		name: "rejectCall", method: http.MethodPost, path: callsPath + ":reject", repeat: repeat, body: req, want: http.StatusNoContent,
	}, nil)
}

// Connect joins a call that exists: POST callConnections:connect, 200.
// CallConnected or ConnectFailed follows. Repeatable.
func (c *Client) Connect(ctx context.Context, repeat Repeat, req *ConnectRequest) (*CallConnectionProperties, error) {
	return post[CallConnectionProperties](ctx, c, operation{
		name: "connect", path: callsPath + ":connect", repeat: repeat, body: req, want: http.StatusOK,
	})
}

// GetCall reads a call connection: GET callConnections/{id}, 200. One that has
// ended is 404 with code 8522.
func (c *Client) GetCall(ctx context.Context, callConnectionID string) (*CallConnectionProperties, error) {
	return get[CallConnectionProperties](ctx, c, "getCall", callPath(callConnectionID, ""))
}

// HangUpCall leaves a call: DELETE callConnections/{id}, 204. CallDisconnected
// follows. Leaving twice does no more than leaving once.
func (c *Client) HangUpCall(ctx context.Context, callConnectionID string) error {
	return c.do(ctx, operation{
		name: "hangupCall", method: http.MethodDelete, path: callPath(callConnectionID, ""), want: http.StatusNoContent,
	}, nil)
}

// TerminateCall ends a call for everyone: POST callConnections/{id}:terminate,
// 204. CallDisconnected follows on every connection of the call. Repeatable.
func (c *Client) TerminateCall(ctx context.Context, repeat Repeat, callConnectionID string) error {
	return c.do(ctx, operation{
		name: "terminateCall", method: http.MethodPost, path: callPath(callConnectionID, ":terminate"), repeat: repeat, want: http.StatusNoContent,
	}, nil)
}

// TransferToParticipant hands a party over: POST …:transferToParticipant, 202.
// CallTransferAccepted or CallTransferFailed follows, with
// req.OperationContext. Repeatable.
func (c *Client) TransferToParticipant(ctx context.Context, repeat Repeat, callConnectionID string, req *TransferToParticipantRequest) (*TransferCallResponse, error) {
	return post[TransferCallResponse](ctx, c, operation{
		name: "transferToParticipant", path: callPath(callConnectionID, ":transferToParticipant"), repeat: repeat, body: req, want: http.StatusAccepted,
	})
}

// post sends a POST whose answer is a T.
func post[T any](ctx context.Context, c *Client, op operation) (*T, error) {
	op.method = http.MethodPost
	return decoded[T](ctx, c, op)
}

// get reads a T.
func get[T any](ctx context.Context, c *Client, name, path string) (*T, error) {
	return decoded[T](ctx, c, operation{name: name, method: http.MethodGet, path: path, want: http.StatusOK})
}

func decoded[T any](ctx context.Context, c *Client, op operation) (*T, error) {
	var out T
	if err := c.do(ctx, op, &out); err != nil {
		return nil, err
	}
	return &out, nil
}
