package service

import (
	"context"
	"errors"
	"time"
)

// refusal is what the gateway will not do for this client: a reason of the
// catalogue.
type refusal struct {
	reason   string
	metadata map[string]string
	// retryAfter is when it may be otherwise; 0 where that cannot be said.
	retryAfter time.Duration
}

func (r *refusal) Error() string { return "refused: " + r.reason }

// Why a stream that had begun was ended.
var (
	errCredentialExpired = &refusal{reason: "CREDENTIAL_EXPIRED"}
	errAccessChanged     = &refusal{reason: "ACCESS_CHANGED"}
)

// ended is why the gateway ended the stream of ctx, with where to go on after, if
// that can be said; or err, if it did not.
func ended(ctx context.Context, err error, cursor string) error {
	var cause *refusal
	switch {
	case !errors.As(context.Cause(ctx), &cause):
		return err
	case cursor == "":
		return cause
	}
	return &refusal{reason: cause.reason, metadata: map[string]string{"last_cursor": cursor}}
}
