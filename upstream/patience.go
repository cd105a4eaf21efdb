package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// errSilent is why a try at a file was given up.
var errSilent = errors.New("the upstream sent nothing for longer than one try may take")

// patience bounds for how long an upstream may send nothing: before its answer, and
// between any two bytes of it. The whole of a long file may take any time.
type patience time.Duration

// Do implements policy.Policy, for each try.
func (p patience) Do(req *policy.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Raw().Context())
	timer := time.AfterFunc(time.Duration(p), func() { cancel(errSilent) })
	resp, err := req.WithContext(ctx).Next()
	timer.Stop()
	if err != nil {
		err = silenceOf(ctx, err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &patientBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, patience: p}
	return resp, nil
}

// patientBody ends with the patience.
type patientBody struct {
	io.ReadCloser
	ctx      context.Context
	cancel   context.CancelCauseFunc
	patience patience
}

// Read implements io.Reader.
func (b *patientBody) Read(p []byte) (int, error) {
	timer := time.AfterFunc(time.Duration(b.patience), func() { b.cancel(errSilent) })
	n, err := b.ReadCloser.Read(p)
	timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = silenceOf(b.ctx, err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *patientBody) Close() error {
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}

// silenceOf is errSilent where that is why err came about.
func silenceOf(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSilent) {
		return errSilent
	}
	return err
}
