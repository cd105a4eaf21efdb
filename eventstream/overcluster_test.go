package eventstream

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestTheSameOverACluster runs the tests of the log, the hub, subscriptions,
// histories, outcomes, requests and groups again, in a process of their own, over three
// NATS servers.
func TestTheSameOverACluster(t *testing.T) {
	t.Parallel()
	if os.Getenv(overCluster) != "" {
		t.Fatal("it would run itself")
	}
	tests := []string{
		"TestLogKeeps", "TestAppendIs", "TestAppendOf", "TestClosedLog",
		"TestSubscriptionStarts", "TestSubscribeRefuses", "TestSlowReader", "TestReadersFollow",
		"TestEventOfAnotherCall", "TestGap", "TestStartAt", "TestHubComesBack", "TestPosition",
		"TestDrain", "TestNextEnds", "TestSubscriptionEnds", "TestSubscriptionUntil",
		"TestListEvents", "TestWait", "TestOutcome", "TestRequests", "TestReadersAgree", "TestCommand", "TestAcknowledged", "TestGroup",
	}
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^("+strings.Join(tests, "|")+")", "-test.timeout=15m")
	process.Env = append(os.Environ(), overCluster+"=1")
	output, err := process.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	t.Logf("%s", output)
}
