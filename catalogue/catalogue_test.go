package catalogue_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/callgate/callgate/catalogue"
)

var update = flag.Bool("update", false, "write docs/errors.md anew")

func load(t *testing.T) *catalogue.Catalogue {
	t.Helper()
	c, err := catalogue.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryEntryIsWhole(t *testing.T) {
	name := regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)
	check := func(e catalogue.Entry) {
		if !name.MatchString(e.Reason) || e.Meaning == "" || e.Do == "" {
			t.Errorf("%+v is not whole", e)
		}
	}
	c := load(t)
	for _, list := range [][]catalogue.Error{c.Answers, c.Gateway} {
		for _, e := range list {
			check(e.Entry)
			if e.GRPC == codes.OK {
				t.Errorf("%s has no gRPC code", e.Reason)
			}
		}
	}
	for _, r := range c.Results {
		check(r.Entry)
	}
	for _, q := range c.Q850 {
		check(q.Entry)
	}
}

func TestAnswer(t *testing.T) {
	c := load(t)
	for _, tc := range []struct {
		status       int
		code, reason string
	}{
		{400, "8501", "CALL_NOT_ESTABLISHED"},
		{400, "8523", "UPSTREAM_INVALID_REQUEST"},
		{400, "", "UPSTREAM_INVALID_REQUEST"},
		{404, "8522", "CALL_NOT_FOUND"},
		{404, "NotFound", "UPSTREAM_NOT_FOUND"},
		{418, "", ""},
		{0, "", ""},
	} {
		got := c.Answer(tc.status, tc.code)
		if (got == nil) != (tc.reason == "") || got != nil && got.Reason != tc.reason {
			t.Errorf("Answer(%d, %q) = %+v, want %q", tc.status, tc.code, got, tc.reason)
		}
	}
}

func TestResult(t *testing.T) {
	c := load(t)
	for _, tc := range []struct {
		name                     string
		code, subCode, sip, q850 int32
		reason                   string
	}{
		{"busy", 486, 560486, 0, 0, "BUSY"},
		{"by sub-code", 487, 10003, 0, 0, "ANSWERED_ELSEWHERE"},
		{"by code alone", 487, 1, 0, 0, "CANCELLED"},
		{"what the network says is more exact than the code alone", 480, 1, 480, 17, "BUSY"},
		{"but not than the sub-code", 487, 10004, 0, 17, "RING_TIMEOUT"},
		{"what SIP says where the code is not known", 500, 1, 603, 0, "DECLINED"},
		{"success", 200, 0, 0, 0, ""},
		{"tones enough", 200, 8531, 0, 0, "MAX_TONES_RECEIVED"},
		{"a stop tone", 200, 8514, 0, 0, "STOP_TONE_RECEIVED"},
		{"a cancelled media operation", 400, 8508, 0, 0, "OPERATION_CANCELLED"},
		{"silence", 400, 8510, 0, 0, "INITIAL_SILENCE"},
		{"silence between tones", 400, 8532, 0, 0, "INTER_DIGIT_SILENCE"},
		{"a file of the wrong format", 400, 8535, 0, 0, "PLAY_SOURCE_INVALID"},
		{"a prompt that cannot be played", 500, 8511, 0, 0, "PROMPT_NOT_PLAYED"},
		{"unknown", 499, 1, 0, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := c.Result(tc.code, tc.subCode, tc.sip, tc.q850)
			if (got == nil) != (tc.reason == "") || got != nil && got.Reason != tc.reason {
				t.Errorf("got %+v, want %q", got, tc.reason)
			}
		})
	}
}

// TestPage holds docs/errors.md to the catalogue; go test ./catalogue -update
// writes it anew.
func TestPage(t *testing.T) {
	const name = "../docs/errors.md"
	want := page(load(t))
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the catalogue says: run go test ./catalogue -update", name)
	}
}

func page(c *catalogue.Catalogue) []byte {
	var b bytes.Buffer
	fmt.Fprint(&b, `# Errors and results

Made from catalogue/catalogue.json: do not edit.

An RPC that fails has one gRPC code and an `+"`ErrorInfo`"+` of domain `+"`callgate`"+`: its
`+"`reason`"+` is one of those below and does not change, its metadata has what the upstream
said (`+"`upstream_status`, `upstream_code`, `upstream_message`"+`) and the ids that name the
request in Azure's logs. `+"`BadRequest`"+` names the fields of a bad request, `+"`RetryInfo`"+` says how
long to wait, `+"`Help`"+` links here. A status or code that is not listed passes through all
the same.

`)
	fmt.Fprint(&b, "## When the upstream refuses, or does not answer\n\n")
	writeErrors(&b, c.Answers)
	fmt.Fprint(&b, "## When the gateway refuses\n\n")
	writeErrors(&b, c.Gateway)
	fmt.Fprint(&b, "## Results on events\n\nAn event's `result` has the upstream's `code` and `subCode`, and where they are known a `reason` and a\n`hint`.\n\n"+
		"| code | sub-code | reason | what it means | what to do |\n|---|---|---|---|---|\n")
	for _, r := range c.Results {
		subCodes := "any other"
		if len(r.SubCodes) > 0 {
			subCodes = strings.Trim(strings.ReplaceAll(fmt.Sprint(r.SubCodes), " ", ", "), "[]")
		}
		fmt.Fprintf(&b, "| %d | %s | `%s` | %s | %s |\n", r.Code, subCodes, r.Reason, r.Meaning, r.Do)
	}
	fmt.Fprint(&b, "\nWhere the sub-code is not known, the telephone network's own word counts (`result.q850`):\n\n"+
		"| cause | reason | what it means | what to do |\n|---|---|---|---|\n")
	for _, q := range c.Q850 {
		fmt.Fprintf(&b, "| %d | `%s` | %s | %s |\n", q.Cause, q.Reason, q.Meaning, q.Do)
	}
	return b.Bytes()
}

func writeErrors(b *bytes.Buffer, list []catalogue.Error) {
	for _, e := range list {
		fmt.Fprintf(b, "### %s\n\n%s", e.Reason, e.GRPC)
		if e.Status != 0 {
			fmt.Fprintf(b, "; the upstream's status %d", e.Status)
		}
		if len(e.Codes) > 0 {
			fmt.Fprintf(b, ", code %s", strings.Join(e.Codes, ", "))
		}
		fmt.Fprintf(b, ". %s\n\n", e.Meaning)
		for _, cause := range e.Causes {
			fmt.Fprintf(b, "- Likely: %s\n", cause)
		}
		fmt.Fprintf(b, "- Do: %s\n", e.Do)
		if e.Retry {
			fmt.Fprint(b, "- Asking again can help.\n")
		}
		fmt.Fprint(b, "\n")
	}
}
