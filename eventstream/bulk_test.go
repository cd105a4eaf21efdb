package eventstream

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
)

// TestReadBulkKnowsPositions: where the log has no hole and where it has.
func TestReadBulkKnowsPositions(t *testing.T) {
	for name, tc := range map[string]struct {
		deleted []uint64
		want    []uint64 // four of ten at most, behind the position 2
	}{
		"no hole":                        {want: []uint64{3, 4, 5, 6}},
		"a hole before the page":         {deleted: []uint64{1, 2}, want: []uint64{3, 4, 5, 6}},
		"the page begins behind a hole":  {deleted: []uint64{3}, want: []uint64{4, 5, 6, 7}},
		"holes inside of the page":       {deleted: []uint64{4, 6}, want: []uint64{3, 5, 7, 8}},
		"the page ends before a hole":    {deleted: []uint64{7}, want: []uint64{3, 4, 5, 6}},
		"less than a page behind a hole": {deleted: []uint64{3, 4, 5, 6, 7, 8}, want: []uint64{9, 10}},
		"nothing":                        {deleted: []uint64{3, 4, 5, 6, 7, 8, 9, 10}},
	} {
		t.Run(name, func(t *testing.T) {
			log := openLog(t, LogOptions{})
			appendMany(t, log, "c", 0, 10)
			for _, seq := range tc.deleted {
				if err := log.stream.DeleteMsg(testContext(t), seq); err != nil {
					t.Fatal(err)
				}
			}
			p, err := log.readBulk(testContext(t), 2, "", 4)
			if err != nil {
				t.Fatal(err)
			}
			for _, ev := range p.events {
				if want := ids("c", int(ev.Seq)-1, 1)[0]; ev.CallEvent.GetId() != want {
					t.Errorf("%s at position %d, want %s", ev.CallEvent.GetId(), ev.Seq, want)
				}
			}
			if got := positionsOf(p); !slices.Equal(got, tc.want) || p.more != (len(tc.want) == 4) {
				t.Errorf("%v, more %v; want %v", got, p.more, tc.want)
			}
		})
	}
}

func positionsOf(p page) (positions []uint64) {
	for _, ev := range p.events {
		positions = append(positions, ev.Seq)
	}
	return positions
}

// TestAskBulkNotices whatever does not arrive.
func TestAskBulkNotices(t *testing.T) {
	stored, err := proto.Marshal(record("a", "c", typeParticipantsUpdated))
	if err != nil {
		t.Fatal(err)
	}
	bare := &nats.Msg{Data: stored}
	unreadable := &nats.Msg{Data: []byte("?")}
	at := func(seq, before int) *nats.Msg {
		return &nats.Msg{Data: stored, Header: nats.Header{jetstream.SequenceHeader: {strconv.Itoa(seq)}, lastHeader: {strconv.Itoa(before)}}}
	}
	end := func(last int) *nats.Msg {
		return &nats.Msg{Header: nats.Header{statusHeader: {statusEnd}, lastHeader: {strconv.Itoa(last)}, pendingHeader: {"0"}}}
	}
	status := func(code string) *nats.Msg { return &nats.Msg{Header: nats.Header{statusHeader: {code}}} }
	for name, tc := range map[string]struct {
		headers bool
		answer  []*nats.Msg // to what follows the position 2
		ok      bool
		fails   bool
	}{
		"complete":                         {answer: []*nats.Msg{bare, bare, end(4)}, ok: true},
		"one was lost":                     {answer: []*nats.Msg{bare, end(4)}},
		"all were lost":                    {answer: []*nats.Msg{end(4)}},
		"one cannot be read":               {answer: []*nats.Msg{bare, unreadable, end(4)}},
		"none matches":                     {answer: []*nats.Msg{status(statusNone)}, ok: true},
		"refused":                          {answer: []*nats.Msg{status("408")}, fails: true},
		"the end was lost":                 {answer: []*nats.Msg{bare, bare}, fails: true},
		"headers: complete":                {headers: true, answer: []*nats.Msg{at(3, 0), at(7, 3), end(7)}, ok: true},
		"headers: the first was lost":      {headers: true, answer: []*nats.Msg{at(7, 3), end(7)}},
		"headers: one in between was lost": {headers: true, answer: []*nats.Msg{at(3, 0), at(9, 7), end(9)}},
		"headers: the last was lost":       {headers: true, answer: []*nats.Msg{at(3, 0), end(7)}},
	} {
		t.Run(name, func(t *testing.T) {
			log := answering(t, tc.answer)
			patience := patience
			if name == "the end was lost" {
				patience = 200 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(testContext(t), patience)
			defer cancel()
			_, ok, err := log.askBulk(ctx, bulkRequest{Seq: 3, Batch: 10, MaxBytes: readBytes, NoHeaders: !tc.headers})
			if ok != tc.ok || (err != nil) != tc.fails {
				t.Errorf("ok %v, %v", ok, err)
			}
			if err != nil && !errors.Is(err, ErrLogUnavailable) {
				t.Error(err)
			}
		})
	}
}

// answering is a log whose server gives this answer to what is asked in bulk.
func answering(t *testing.T, answer []*nats.Msg) *Log {
	t.Helper()
	s, err := server.NewServer(&server.Options{DontListen: true, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	closed := make(chan struct{})
	conn, err := nats.Connect("", nats.InProcessServer(s), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // who asked may be content with part of the answer
		if err := conn.Drain(); err != nil {
			t.Error(err)
		}
		<-closed
	})
	if _, err := conn.Subscribe(jetstream.DefaultAPIPrefix+"DIRECT.GET."+streamName, func(request *nats.Msg) {
		for _, msg := range answer {
			if err := request.RespondMsg(&nats.Msg{Header: msg.Header, Data: msg.Data}); err != nil {
				t.Error(err)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	return &Log{id: thisLog, conn: conn}
}
