package upstream

import "context"

// Answer is how the upstream answered.
type Answer struct {
	// StatusCode is the HTTP status; 0 when no answer came.
	StatusCode int
	// RequestID is the x-ms-client-request-id that was sent.
	RequestID string
}

type answerKey struct{}

// WithAnswer is a context for operations that LastAnswer is asked about.
func WithAnswer(ctx context.Context) context.Context {
	return context.WithValue(ctx, answerKey{}, &Answer{})
}

// LastAnswer is how the last operation with ctx, one of WithAnswer, was answered.
// Operations that run at the same time need contexts of their own.
func LastAnswer(ctx context.Context) Answer {
	if answer, has := ctx.Value(answerKey{}).(*Answer); has {
		return *answer
	}
	return Answer{}
}

// note keeps an answer for LastAnswer.
func (a Answer) note(ctx context.Context) {
	if answer, has := ctx.Value(answerKey{}).(*Answer); has {
		*answer = a
	}
}
