package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/alecthomas/kong"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// commandOf is a command that makes the RPC.
var commandOf = map[string]string{
	"CallControl/CreateCall":               "call create +14255550123",
	"CallControl/ConnectCall":              "call connect --room-id=r",
	"CallControl/AnswerCall":               "call answer context",
	"CallControl/RejectCall":               "call reject context",
	"CallControl/RedirectCall":             "call redirect context +14255550123",
	"CallControl/GetCall":                  "call get c",
	"CallControl/TransferCall":             "call transfer c +14255550123",
	"CallControl/HangUpCall":               "call hangup c",
	"Participants/ListParticipants":        "participants list c",
	"Participants/GetParticipant":          "participants get c +14255550123",
	"Participants/AddParticipant":          "participants add c +14255550123",
	"Participants/CancelAddParticipant":    "participants cancel-add c i",
	"Participants/RemoveParticipant":       "participants remove c +14255550123",
	"Participants/MuteParticipant":         "participants mute c 8:acs:a",
	"Participants/MoveParticipants":        "participants move c 8:acs:a --from=d",
	"Events/StreamEvents":                  "events tail",
	"Events/ListEvents":                    "events list c",
	"Events/WaitForOutcome":                "events wait RECEIPT",
	"Events/AckEvents":                     "groups ack g cursor",
	"Events/NackEvents":                    "groups nack g cursor --delay=1s --note=why",
	"Media/PlayMedia":                      "media play c --ssml=<speak/> --interrupt",
	"Media/RecognizeInput":                 "media recognize c +14255550123 --kind=choices --choice=sales/1=sales|buy",
	"Media/StartContinuousDtmfRecognition": "media report-tones start c +14255550123",
	"Media/StopContinuousDtmfRecognition":  "media report-tones stop c +14255550123",
	"Media/SendDtmfTones":                  "media send-tones c +14255550123 1",
	"Media/HoldParticipant":                "media hold c +14255550123",
	"Media/UnholdParticipant":              "media unhold c +14255550123",
	"Media/StartTranscription":             "media transcription start c --locale=de-DE",
	"Media/StopTranscription":              "media transcription stop c",
	"Media/UpdateTranscription":            "media transcription update c --locale=de-DE",
	"Media/StartMediaStreaming":            "media streaming start c",
	"Media/StopMediaStreaming":             "media streaming stop c",
	"Media/CancelAllMediaOperations":       "media cancel c",
	"Recordings/StartRecording":            "recordings start c --paused --container=https://files.example/c",
	"Recordings/GetRecording":              "recordings get r",
	"Recordings/PauseRecording":            "recordings pause r",
	"Recordings/ResumeRecording":           "recordings resume r",
	"Recordings/StopRecording":             "recordings stop r",
	"Recordings/DownloadRecording":         "recordings download r -",
	"Recordings/DeleteRecording":           "recordings delete r",
	"Groups/ListGroups":                    "groups list",
	"Groups/GetGroup":                      "groups get g",
	"Groups/DeleteGroup":                   "groups delete g",
	"Groups/ListDeadLetters":               "groups dead-letters list g",
	"Groups/ReplayDeadLetters":             "groups dead-letters replay g --all",
	"Groups/DeleteDeadLetters":             "groups dead-letters delete g cursor",
}

// TestEveryRPCHasACommand: whatever the contract has can be done from a shell. The
// emulator's own API is not part of the contract.
func TestEveryRPCHasACommand(t *testing.T) {
	made, addr := recordRPCs(t)
	receipt := filepath.Join(t.TempDir(), "receipt.json")
	if err := os.WriteFile(receipt, []byte(`{"receipt":{"action":"ACTION_CREATE_CALL","callConnectionId":"c","cursor":"x"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &commandLine{addr: addr}
	for _, rpc := range contractRPCs() {
		command := commandOf[rpc]
		if command == "" {
			t.Errorf("no command makes %s", rpc)
			continue
		}
		c.run(t, strings.Fields(strings.ReplaceAll(command, "RECEIPT", receipt))...)
		if last := made(); last != "/callgate.v1."+rpc {
			t.Errorf("callgate %s made %q, not %s:\n%s", command, last, rpc, c.heard)
		}
	}
	for rpc := range commandOf {
		if !slices.Contains(contractRPCs(), rpc) {
			t.Errorf("%s is not of the contract", rpc)
		}
	}
}

// contractRPCs are all RPCs of the contract, as "Service/Method".
func contractRPCs() (rpcs []string) {
	protoregistry.GlobalFiles.RangeFilesByPackage("callgate.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				rpcs = append(rpcs, string(service.Name())+"/"+string(service.Methods().Get(j).Name()))
			}
		}
		return true
	})
	return rpcs
}

// recordRPCs is a server that refuses everything, and remembers what it was last
// asked for.
func recordRPCs(t *testing.T) (made func() string, addr string) {
	t.Helper()
	var mu sync.Mutex
	var last string
	s := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		mu.Lock()
		defer mu.Unlock()
		last, _ = grpc.MethodFromServerStream(stream)
		return status.Error(codes.Unimplemented, "not here")
	}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) { // before it began to serve
			t.Error(err)
		}
	})
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return last
	}, l.Addr().String()
}

// TestCommandLinePageHasEveryCommand: the page's table has each command that uses a
// gateway, and no other.
func TestCommandLinePageHasEveryCommand(t *testing.T) {
	raw, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `callgate (?:(.*) )?(\\S+)`").FindAllStringSubmatch(string(raw), -1) {
		for leaf := range strings.SplitSeq(row[2], `\|`) {
			said[strings.TrimSpace(row[1]+" "+leaf)] = true
		}
	}
	delete(said, "completion")
	parser, err := kong.New(&commands{}, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range parser.Model.Leaves(false) {
		command := strings.TrimPrefix(leaf.Path(), "callgate ")
		usesGateway := slices.ContainsFunc(slices.Concat(leaf.AllFlags(false)...), func(flag *kong.Flag) bool { return flag.Name == "ca-file" })
		if usesGateway != said[command] {
			t.Errorf("%s: on the page %v, a command that uses a gateway %v", command, said[command], usesGateway)
		}
		delete(said, command)
	}
	for command := range said {
		t.Errorf("the page speaks of %s, which there is not", command)
	}
}
