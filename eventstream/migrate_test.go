package eventstream

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jsm.go"

	"github.com/callgate/callgate/eventstream/natscluster"
	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
)

// TestMigrate: the log on the servers is the one that was in the folder.
func TestMigrate(t *testing.T) {
	dir := t.TempDir()
	cluster, err := startCluster(filepath.Join(dir, "cluster"), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	from := LogOptions{Dir: filepath.Join(dir, "data"), MaxAge: time.Hour}
	to := LogOptions{NATS: cluster.natsOptions(0), MaxAge: time.Hour}
	migrate := func() (moved []Moved, err error) {
		err = Migrate(testContext(t), from, to, func(m Moved) { moved = append(moved, m) })
		return moved, err
	}
	if _, err := migrate(); !errors.Is(err, ErrNoLog) {
		t.Errorf("without a log: %v", err)
	}

	log, err := OpenLog(testContext(t), from)
	if err != nil {
		t.Fatal(err)
	}
	appendMany(t, log, "c", 0, 20)
	remove(t, log, 7) // a hole stays a hole
	cursor := log.cursor(10)
	requests, err := log.Requests(testContext(t), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := requests.Create(testContext(t), "named", &logv1.Request{RepeatId: "r"}); err != nil {
		t.Fatal(err)
	}
	if _, err := migrate(); !errors.Is(err, ErrLogInUse) {
		t.Errorf("while a gateway uses it: %v", err)
	}
	closeLog(t, log)

	// A gateway has been there and has done nothing yet.
	empty, err := OpenLog(testContext(t), to)
	if err != nil {
		t.Fatal(err)
	}
	closeLog(t, empty)
	for round, before := range []bool{false, true} {
		moved, err := migrate()
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if want := fmt.Sprint([]Moved{{"KV_CALLGATE_REQUESTS", 1, before}, {"CALLGATE_EVENTS", 19, before}}); fmt.Sprint(moved) != want {
			t.Errorf("round %d: moved %v, want %s", round, moved, want)
		}
	}

	restartAll(t, cluster) // by which the servers learn the ids of the records
	there, err := OpenLog(testContext(t), to)
	if err != nil {
		t.Fatal(err)
	}
	defer closeLog(t, there)
	hub := newHub(t, there, HubOptions{})
	sub := subscribe(t, hub, SubscribeOptions{Start: StartAfter(cursor)})
	wantEvents(t, sub, ids("c", 10, 10)...)
	all := subscribe(t, hub, SubscribeOptions{Start: StartEarliest()})
	wantEvents(t, all, ids("c", 0, 6)...)
	if gap := next(t, all).Gap; gap == nil || gap.From != there.cursor(6) || gap.To != there.cursor(7) {
		t.Errorf("the hole is told as %v", gap)
	}
	requests, err = there.Requests(testContext(t), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, existing, err := requests.Create(testContext(t), "named", &logv1.Request{}); err != nil || existing.GetRepeatId() != "r" {
		t.Errorf("the record of a request is %v, %v", existing, err)
	}

	mustAppend(t, there, record("c-0", "c", typeParticipantsUpdated)) // known already
	appendMany(t, there, "c", 20, 5)                                  // life goes on there
	if moved, err := migrate(); err != nil || !moved[0].Before || !moved[1].Before {
		t.Errorf("after it was used there: %v, %v", moved, err)
	}
	if _, last, _, err := there.bounds(testContext(t)); err != nil || last != 25 {
		t.Errorf("the log on the servers ends at %d, %v", last, err)
	}

	t.Run("another log", func(t *testing.T) {
		from := LogOptions{Dir: filepath.Join(dir, "other"), MaxAge: time.Hour}
		other, err := OpenLog(testContext(t), from)
		if err != nil {
			t.Fatal(err)
		}
		appendMany(t, other, "d", 0, 1)
		closeLog(t, other)
		if err := Migrate(testContext(t), from, to, func(Moved) {}); !errors.Is(err, ErrTargetInUse) {
			t.Errorf("over another log: %v", err)
		}
	})
	t.Run("a log that has been used here again", func(t *testing.T) {
		log, err := OpenLog(testContext(t), from)
		if err != nil {
			t.Fatal(err)
		}
		appendMany(t, log, "c", 20, 9)
		closeLog(t, log)
		if _, err := migrate(); !errors.Is(err, ErrTargetInUse) {
			t.Errorf("what was added is lost: %v", err)
		}
	})
}

// restartAll restarts the servers one after the other, each when the one before has
// everything again.
func restartAll(t *testing.T, cluster *natsCluster) {
	t.Helper()
	for i := range natscluster.Nodes {
		cluster.StopNode(i)
		if err := cluster.StartNode(i); err != nil {
			t.Fatal(err)
		}
		conn, err := cluster.natsOptions(i).connect(slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		m := migration{}
		if m.target, err = jsm.New(conn, jsm.WithTimeout(askTimeout)); err == nil {
			err = m.awaitReplicas(testContext(t), streamName, natscluster.Nodes)
		}
		conn.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
}
