package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/callgate/callgate/cli"
)

// tailing is an events tail that runs until it is interrupted, or the test ends.
type tailing struct {
	*output
	interrupt func()
	done      chan error
}

func (c *commandLine) tail(t *testing.T, args ...string) *tailing {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	tail := &tailing{output: &output{}, interrupt: interrupt, done: make(chan error, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tail.done <- run(ctx, append([]string{"events", "tail", "--addr=" + c.addr}, args...), noEnv, tail, tail)
	}()
	t.Cleanup(func() { interrupt(); <-ended })
	return tail
}

// last is the cursor of the event that was shown last, in JSON, and how often it has
// been given out.
func (tail *tailing) last() (cursor string, attempt int) {
	for line := range strings.SplitSeq(tail.String(), "\n") {
		var shown struct {
			Event    struct{ Cursor string }
			Delivery struct{ Attempt int }
		}
		if json.Unmarshal([]byte(line), &shown) == nil && shown.Event.Cursor != "" {
			cursor, attempt = shown.Event.Cursor, shown.Delivery.Attempt
		}
	}
	return cursor, attempt
}

// TestTailOfAGroup: what is shown is acknowledged, and does not come again.
func TestTailOfAGroup(t *testing.T) {
	g := start(t)
	c := &commandLine{addr: g.grpcAddr}
	first := c.must(t, "callConnection.callConnectionId", "call", "create", "8:acs:res_a", "--wait=60s")
	member := []string{"--group=billing", "--type=CallConnected", "--earliest", "--no-json"}
	tail := c.tail(t, member...)
	waitUntil(t, "the first call is shown", func() bool { return strings.Contains(tail.String(), first) })
	tail.interrupt()
	if err := <-tail.done; err != nil {
		t.Errorf("interrupted, it ended with %v", err)
	}
	second := c.must(t, "callConnection.callConnectionId", "call", "create", "8:acs:res_b", "--wait=60s")
	tail = c.tail(t, member...)
	waitUntil(t, "the second call is shown", func() bool { return strings.Contains(tail.String(), second) })
	if strings.Contains(tail.String(), first) {
		t.Errorf("the first came again:\n%s", tail)
	}
	waitUntil(t, "both are acknowledged", func() bool {
		return c.run(t, "groups", "get", "billing", "--no-json") == cli.ExitDone && strings.Contains(c.heard, "pending       0, 0 of them")
	})
}

// full is where nothing can be written.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// TestTailThatCannotWrite ends, and does not acknowledge what it has not shown.
func TestTailThatCannotWrite(t *testing.T) {
	c := &commandLine{addr: start(t).grpcAddr}
	call := c.must(t, "callConnection.callConnectionId", "call", "create", "8:acs:res_a", "--wait=60s")
	member := []string{"events", "tail", "--addr=" + c.addr, "--group=billing", "--type=CallConnected", "--earliest"}
	if err := run(t.Context(), member, noEnv, full{}, full{}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("it ended with %v", err)
	}
	tail := c.tail(t, member[3:]...)
	waitUntil(t, "it is given out again", func() bool { _, attempt := tail.last(); return attempt == 2 })
	if !strings.Contains(tail.String(), call) {
		t.Errorf("it is another:\n%s", tail)
	}
}

// TestTailThatLeavesAcknowledging: what is shown stays with the member until a command
// says how it went. A group that is deleted ends its tails.
func TestTailThatLeavesAcknowledging(t *testing.T) {
	c := &commandLine{addr: start(t).grpcAddr}
	tail := c.tail(t, "--group=billing", "--manual-ack", "--type=CallConnected", "--max-deliveries=3", "--ack-wait=1m", "--max-unacknowledged=7")
	waitUntil(t, "it has joined", func() bool { return strings.Contains(tail.String(), "memberId") })
	c.must(t, "callConnection.callConnectionId", "call", "create", "8:acs:res_a", "--wait=60s")
	given := func(attempt int) (cursor string) {
		t.Helper()
		waitUntil(t, "the event is given out", func() (is bool) {
			var last int
			cursor, last = tail.last()
			return last == attempt
		})
		return cursor
	}
	cursor := given(1)
	c.says(t, `(?s)takes +call connected\n.*given out +for 1m0s, up to 3 times.*member +\S+ has 1 of 7`, "groups", "get", "billing")
	c.says(t, `rejected +1`, "groups", "nack", "billing", cursor)
	if again := given(2); again != cursor {
		t.Errorf("after %s came %s", cursor, again)
	}
	c.says(t, `acknowledged +1`, "groups", "ack", "billing", cursor)
	c.says(t, `deleted +billing`, "groups", "delete", "billing")
	if code := cli.ExitCode(<-tail.done); code != cli.ExitNotFound {
		t.Errorf("the tail of a group that is gone ended with %d", code)
	}
}

// TestTailOfAGroupInWords says which events were given out before.
func TestTailOfAGroupInWords(t *testing.T) {
	c := &commandLine{addr: start(t).grpcAddr}
	tail := c.tail(t, "--group=billing", "--manual-ack", "--type=CallConnected", "--earliest", "--no-json")
	c.must(t, "callConnection.callConnectionId", "call", "create", "8:acs:res_a", "--wait=60s")
	waitUntil(t, "it is shown", func() bool { return strings.Contains(tail.String(), "CallConnected") })
	tail.interrupt()
	if err := <-tail.done; err != nil || strings.Contains(tail.String(), "attempt") {
		t.Errorf("it ended with %v and\n%s", err, tail)
	}
	tail = c.tail(t, "--group=billing", "--type=CallConnected", "--no-json")
	waitUntil(t, "it is shown again", func() bool { return strings.Contains(tail.String(), "attempt 2") })
}
