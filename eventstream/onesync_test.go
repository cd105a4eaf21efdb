package eventstream

import (
	"context"
	"errors"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// TestServerIsTheOneWeKnow: the linker finds the server's functions by their names
// alone. What they take and return has to be as we have it.
func TestServerIsTheOneWeKnow(t *testing.T) {
	pkg, err := build.Import("github.com/nats-io/nats-server/v2/server", ".", 0)
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]string{
		"*Account lookupStream":                     "func(name string) (*stream, error)",
		"*stream Store":                             "func() StreamStore",
		"*fileStore updateDurabilitySettingsLocked": "func(syncOnFlush bool)",
		"*fileStore flushForScaleDown":              "func() error",
		"*stream processJetStreamMsg":               "func(subject, reply string, hdr, msg []byte, lseq uint64, ts int64, mt *msgTrace, sourced bool, needIsolation bool) error",
	}
	for _, name := range pkg.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(pkg.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			method := types.ExprString(f.Recv.List[0].Type) + " " + f.Name.Name
			want, ours := wanted[method]
			if got := types.ExprString(f.Type); ours && got != want {
				t.Errorf("%s is %s, not %s", method, got, want)
			}
			delete(wanted, method)
		}
	}
	for method := range wanted {
		t.Errorf("there is no %s", method)
	}
	if f := reflect.TypeFor[server.StoreMsg]().Field(storedData); f.Name != "msg" || f.Type != reflect.TypeFor[[]byte]() {
		t.Errorf("a stored message has %s %s, not msg", f.Name, f.Type)
	}
}

// TestReadersWaitForTheSync: what the loss of power could still take is shown to
// nobody, in no way, and then to everybody.
func TestReadersWaitForTheSync(t *testing.T) {
	log := openLog(t, LogOptions{Dir: t.TempDir()})
	hub := newHub(t, log, HubOptions{})
	sub := subscribe(t, hub, SubscribeOptions{})
	appendMany(t, log, "c", 0, 3)
	wantEvents(t, sub, ids("c", 0, 3)...)
	_, before, err := log.Bounds(testContext(t))
	if err != nil {
		t.Fatal(err)
	}

	log.server.showsUnsynced(4)
	log.server.showsUnsynced(5) // the first did not end
	msg, err := recordMessage(record("c-3", "c", typeParticipantsUpdated))
	if err != nil {
		t.Fatal(err)
	}
	if answers, err := log.server.process([]message{msg}); err != nil || answers[0].err != nil {
		t.Fatal(answers, err)
	}
	if _, last, err := log.Bounds(testContext(t)); err != nil || last != before {
		t.Errorf("the log ends at %s, %v; want %s", last, err, before)
	}
	wantHistory(t, log, "c", ids("c", 0, 3)...)
	all, err := log.read(testContext(t), 0, "", readRecords)
	if err != nil || all.count != 3 || all.more || all.end != 3 {
		t.Errorf("read: %d records, more %v, end %d, %v", all.count, all.more, all.end, err)
	}
	wantEvents(t, subscribe(t, hub, SubscribeOptions{Start: StartEarliest()}), ids("c", 0, 3)...)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if item, err := sub.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the subscriber got %v, %v", item, err)
	}

	log.server.showsSynced()
	wantEvents(t, sub, "c-3")
	wantHistory(t, log, "c", ids("c", 0, 4)...)
}
