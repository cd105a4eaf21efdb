package service

import (
	"context"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// opens are the actions that make a call connection.
var opens = map[callgatev1.Action]bool{
	callgatev1.Action_ACTION_CREATE_CALL:  true,
	callgatev1.Action_ACTION_ANSWER_CALL:  true,
	callgatev1.Action_ACTION_CONNECT_CALL: true,
}

// guarded is do within what the client may dial and have open. It is asked each
// time that something is sent, so that an answer that is only repeated costs
// nothing.
func guarded[R actionResponse](ctx context.Context, gate *Gate, kind callgatev1.Action, req actionRequest, do func(*action) (R, error)) func(*action) (R, error) {
	c := callerOf(ctx)
	if gate == nil || c.grant == nil {
		return do
	}
	return func(act *action) (resp R, err error) {
		limits := c.grant.Dialing
		if err := gate.quotas.dial(c.identity.Principal, limits.CallsPerMinute, phones(req)); err != nil {
			return resp, err
		}
		if !opens[kind] {
			return do(act)
		}
		done, err := gate.quotas.begin(c.grant.Service, limits.ConcurrentCalls)
		if err != nil {
			return resp, err
		}
		resp, err = do(act)
		if err != nil {
			done("")
			return resp, err
		}
		call := resp.GetReceipt().GetCallConnectionId()
		gate.owners.note(call, c.grant.Service)
		done(call)
		return resp, nil
	}
}
