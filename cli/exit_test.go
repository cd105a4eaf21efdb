package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestExitCode(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing wrong", nil, ExitDone},
		{"something", errors.New("something"), ExitFailed},
		{"not allowed", status.Error(codes.PermissionDenied, ""), ExitNotAllowed},
		{"not known", status.Error(codes.Unauthenticated, ""), ExitNotAllowed},
		{"may have happened", status.Error(codes.Unknown, ""), ExitUnknown},
		{"refused", status.Error(codes.FailedPrecondition, ""), ExitRefused},
		{"throttled", status.Error(codes.ResourceExhausted, ""), ExitUnavailable},
		{"wrapped on the way", fmt.Errorf("tail: %w", status.Error(codes.NotFound, "")), ExitNotFound},
		{"a fault of the gateway", status.Error(codes.Internal, ""), ExitFailed},
		{"a mistake", usage("so not"), ExitUsage},
		{"no outcome", ended(nil), ExitNoOutcome},
	} {
		if got := ExitCode(tc.err); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

func TestTellSaysWhatToDo(t *testing.T) {
	s, err := status.New(codes.NotFound, "gone").WithDetails(
		&errdetails.ErrorInfo{Reason: "CALL_NOT_FOUND", Metadata: map[string]string{"upstream_client_request_id": "r-1"}},
		&errdetails.Help{Links: []*errdetails.Help_Link{{Description: "look there", Url: "https://page"}}})
	if err != nil {
		t.Fatal(err)
	}
	told := Tell(fmt.Errorf("get: %w", s.Err()))
	for _, want := range []string{"gone", "CALL_NOT_FOUND (NotFound)", "r-1", "look there", "https://page"} {
		if !strings.Contains(told, want) {
			t.Errorf("%q is not in\n%s", want, told)
		}
	}
}

// TestPageHasEveryExitCode holds docs/cli.md to the codes.
func TestPageHasEveryExitCode(t *testing.T) {
	page, err := os.ReadFile("../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	for code := ExitDone; code <= ExitUnknown; code++ {
		if !strings.Contains(string(page), fmt.Sprintf("\n| %d | ", code)) {
			t.Errorf("the page lacks exit code %d", code)
		}
	}
	for grpc, code := range exitCodes {
		row := fmt.Sprintf("\n| %d | ", code)
		_, rest, _ := strings.Cut(string(page), row)
		line, _, _ := strings.Cut(rest, "\n")
		if !strings.Contains(line, "`"+screaming(grpc)+"`") {
			t.Errorf("the page's row of exit code %d does not name %s", code, screaming(grpc))
		}
	}
}

// screaming is a code as the contract writes it.
func screaming(c codes.Code) string {
	var b strings.Builder
	for i, r := range c.String() {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}
