package service_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// nextLink leads to the second page of what has one.
const nextLink = "/calling/next"

// notOfTheContract are the RPCs that need no operation of the contract: those of
// the event log and its groups, and of files, which are on other hosts.
var notOfTheContract = map[protoreflect.Name]bool{
	"AckEvents": true, "NackEvents": true, "ListGroups": true, "GetGroup": true, "DeleteGroup": true,
	"ListDeadLetters": true, "ReplayDeadLetters": true, "DeleteDeadLetters": true,
	"StreamEvents": true, "ListEvents": true, "WaitForOutcome": true, "DownloadRecording": true, "DeleteRecording": true,
}

// notSettable are members that no field sets, and why that is right.
var notSettable = map[string]string{
	"PhoneNumberIdentifierModel.isAnonymous": "the raw id says it",
	"PhoneNumberIdentifierModel.assertedId":  "the raw id says it",
}

// otherwiseCalled are members whose field has another name than they.
var otherwiseCalled = map[string]string{
	"fromCall":                         "fromcallconnectionid",
	"participantToAdd":                 "participant",
	"participantToRemove":              "participant",
	"invitationTimeoutInSeconds":       "invitationtimeoutseconds",
	"initialSilenceTimeoutInSeconds":   "initialsilencetimeoutseconds",
	"interToneTimeoutInSeconds":        "intertonetimeoutseconds",
	"endSilenceTimeoutInMs":            "endsilencetimeoutms",
	"recordingDestinationContainerUrl": "recordingdestinationcontainerurl",
}

// asText are the members whose values are passed on as the upstream writes them.
var asText = map[string]bool{
	"MediaStreamingSubscription.state": true, "MediaStreamingSubscription.subscribedContentTypes": true,
	"TranscriptionSubscription.state": true, "TranscriptionSubscription.subscribedResultTypes": true,
}

// contractRun is what came of sending every request there is.
type contractRun struct {
	contract *contract
	mu       sync.Mutex
	rpc      string
	turn     int
	bodies   []string                   // that the upstream was sent of late
	reached  map[string]map[string]bool // operation: RPCs that reach it
	sent     map[string]map[string]bool // operation: paths of the members that were set
	words    map[string]map[string]bool // enum: values that were sent or came out
}

// serve is the upstream.
func (run *contractRun) serve(t *testing.T, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	check(t, err)
	op := run.contract.operation(r.Method, r.URL.EscapedPath())
	if op == nil {
		t.Errorf("%s sent %s %s, which is none of the contract's", run.rpc, r.Method, r.URL.EscapedPath())
		w.WriteHeader(http.StatusTeapot)
		return
	}
	run.mu.Lock()
	defer run.mu.Unlock()
	if run.reached[op.Name] == nil {
		run.reached[op.Name], run.sent[op.Name] = map[string]bool{}, map[string]bool{}
	}
	run.reached[op.Name][run.rpc] = true
	run.bodies = append(run.bodies, string(body))
	if (r.Header.Get("Repeatability-Request-Id") != "") != op.Repeatable {
		t.Errorf("%s: repeatable is %v, and it was sent with %v", op.Name, op.Repeatable, r.Header)
	}
	if op.Body != "" {
		run.compareSent(t, op, body)
	} else if len(body) > 0 {
		t.Errorf("%s was sent with %s", op.Name, body)
	}
	status, model := op.success()
	w.WriteHeader(status)
	if model != "" {
		check(t, json.NewEncoder(w).Encode(run.answer(op, model)))
	}
}

// compareSent looks where what a request was filled with has got to.
func (run *contractRun) compareSent(t *testing.T, op *contractOperation, raw []byte) {
	var body any
	check(t, json.Unmarshal(raw, &body))
	run.contract.visit(t, op.Body, "", body, func(l leaf, value any) {
		run.sent[op.Name][l.path] = true
		if l.enum != "" {
			run.word(t, l.enum, value.(string))
			return
		}
		if text, is := value.(string); is && !strings.HasSuffix(l.path, "awId") && fieldOf(text) != "" {
			path := strings.TrimRight(l.path, "[]{}")
			if name := path[strings.LastIndex(path, ".")+1:]; !alike(name, fieldOf(text)) && !insideIdentifier(l) {
				t.Errorf("%s%s was sent %q", op.Name, l.path, text)
			}
		}
	})
}

// insideIdentifier tells the members whose text is that of a field around them.
func insideIdentifier(l leaf) bool {
	return strings.HasPrefix(l.member, "CommunicationUserIdentifierModel.") || strings.HasPrefix(l.member, "PhoneNumberIdentifierModel.")
}

func alike(member, field string) bool {
	plain := strings.ReplaceAll(field, "_", "")
	return strings.EqualFold(member, plain) || otherwiseCalled[member] == plain
}

// word notes that a value of an enum was seen.
func (run *contractRun) word(t *testing.T, enum, value string) {
	if !slices.Contains(run.contract.Enums[enum], value) {
		t.Errorf("%q is none of %s", value, enum)
		return
	}
	if run.words[enum] == nil {
		run.words[enum] = map[string]bool{}
	}
	run.words[enum][value] = true
}

// answer is a full one, whose second page is the last.
func (run *contractRun) answer(op *contractOperation, model string) map[string]any {
	answer := run.contract.example(model, run.turn)
	if answer["nextLink"] != nil {
		answer["nextLink"] = nextLink
		if op.Path == "{nextLink}" {
			delete(answer, "nextLink")
		}
	}
	return answer
}

// TestContract: every operation of the upstream's contract is reached by one RPC
// and one REST route, every member of its request can be set, every member of its
// answer comes out, and every value of every enum has its counterpart. What the
// upstream adds fails here, by its name.
func TestContract(t *testing.T) {
	run := &contractRun{
		contract: readContract(t), reached: map[string]map[string]bool{}, sent: map[string]map[string]bool{}, words: map[string]map[string]bool{},
	}
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { run.serve(t, w, r) }))
	t.Cleanup(up.Close)
	g := newGatewayOf(t, up.URL)
	rest := restOf(t, g)

	routes := map[string]string{}
	for method := range rpcs() {
		rule := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
		verb, path := routeOf(rule)
		if other := routes[verb+" "+path]; other != "" || path == "" {
			t.Errorf("%s has the route %q %q, and so has %q", method.FullName(), verb, path, other)
		}
		routes[verb+" "+path] = string(method.FullName())
		if notOfTheContract[method.Name()] {
			continue
		}
		if len(rule.GetAdditionalBindings()) > 0 {
			t.Errorf("%s has more than one route", method.FullName())
		}
		run.drive(t, g, rest, method)
	}
	for _, op := range run.contract.Operations {
		run.checkOperation(t, &op)
	}
	run.checkEvents(t)
	for enum, values := range run.contract.Enums {
		for _, value := range values {
			if !run.words[enum][value] {
				t.Errorf("%s: %q has no counterpart", enum, value)
			}
		}
	}
}

// drive sends all that a request can hold, over gRPC, and in part over REST, which
// must come to the same.
func (run *contractRun) drive(t *testing.T, g *gateway, rest http.Handler, method protoreflect.MethodDescriptor) {
	run.rpc = string(method.FullName())
	for run.turn = range turns(method.Input()) {
		req, resp := newMessage(t, method.Input()), newMessage(t, method.Output())
		fill(req.ProtoReflect(), run.turn)
		over := func(send func() error) string {
			run.bodies = nil
			if err := send(); err != nil {
				t.Fatalf("%s: %v", run.rpc, err)
			}
			return strings.Join(run.bodies, "\n")
		}
		rpc := fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
		sent := over(func() error { return g.conn.Invoke(t.Context(), rpc, req, resp) })
		run.checkAnswer(t, method, resp)
		if run.turn < oneofs {
			if again := over(func() error { return restSend(t, rest, method, req) }); again != sent {
				t.Errorf("%s: by gRPC %s\nby REST %s", run.rpc, sent, again)
			}
		}
		if token := resp.ProtoReflect().Descriptor().Fields().ByName("next_page_token"); token != nil {
			next := req.ProtoReflect().Descriptor().Fields().ByName("page_token")
			req.ProtoReflect().Set(next, resp.ProtoReflect().Get(token))
			over(func() error { return g.conn.Invoke(t.Context(), rpc, req, resp) })
			run.checkAnswer(t, method, resp)
		}
	}
}

// checkAnswer finds what the upstream last answered in what the client got.
func (run *contractRun) checkAnswer(t *testing.T, method protoreflect.MethodDescriptor, resp proto.Message) {
	t.Helper()
	for _, op := range run.contract.Operations {
		_, model := op.success()
		if !run.reached[op.Name][run.rpc] || model == "" {
			continue
		}
		found := valuesOf(resp.ProtoReflect(), nil)
		raw, err := json.Marshal(run.answer(&op, model))
		check(t, err)
		var body any
		check(t, json.Unmarshal(raw, &body))
		run.contract.visit(t, model, "", body, func(l leaf, value any) {
			if l.member == model+".nextLink" || l.member == model+".operationContext" || notSettable[l.member] != "" {
				return // a page token, the receipt's, and in the raw id
			}
			run.checkValue(t, string(method.Name()), l, value, found)
		})
	}
}

// checkValue finds a value of the upstream's among those of a message.
func (run *contractRun) checkValue(t *testing.T, what string, l leaf, value any, found map[string]bool) {
	t.Helper()
	text := normalText(fmt.Sprint(value))
	switch {
	case l.member == "CommunicationIdentifierModel.kind":
		run.word(t, l.enum, fmt.Sprint(value)) // it is said by the member that is set
	case l.enum != "" && !asText[l.member]:
		if !found["enum:"+text] {
			t.Errorf("%s: %s is %v, and comes out as nothing", what, l.path, value)
		}
		run.word(t, l.enum, fmt.Sprint(value))
	case !found[text]:
		t.Errorf("%s: %s, which is %v, is lost", what, l.path, value)
	case l.enum != "":
		run.word(t, l.enum, fmt.Sprint(value))
	}
}

func (run *contractRun) checkOperation(t *testing.T, op *contractOperation) {
	if rpcs := slices.Collect(maps.Keys(run.reached[op.Name])); len(rpcs) != 1 {
		t.Errorf("operation %s is reached by %q, want one RPC", op.Name, rpcs)
	}
	for _, l := range run.contract.leaves(op.Body) {
		if set := run.sent[op.Name][l.path]; set == (notSettable[l.member] != "") {
			t.Errorf("operation %s: %s is set: %v", op.Name, l.path, set)
		}
	}
}

// checkEvents decodes a full event of every type that the contract has.
func (run *contractRun) checkEvents(t *testing.T) {
	for model, members := range run.contract.Models {
		if members["correlationId"].Type == "" || members["resultInformation"].Type == "" {
			continue
		}
		for turn := range 16 {
			data := run.contract.example(model, turn)
			raw, err := json.Marshal([]any{map[string]any{"id": "1", "source": "s", "type": "Microsoft.Communication." + model, "data": data}})
			check(t, err)
			records, err := eventstream.DecodeEvents(raw, callgatev1.CallEventSource_CALL_EVENT_SOURCE_UPSTREAM, time.Now())
			if err != nil || records[0].GetEvent().GetType() == 0 {
				t.Errorf("event %s is not known: %v", model, err)
				break
			}
			found := valuesOf(records[0].GetEvent().ProtoReflect(), nil)
			var body any
			check(t, json.Unmarshal(raw, &body))
			run.contract.visit(t, model, "", body.([]any)[0].(map[string]any)["data"], func(l leaf, value any) {
				if notSettable[l.member] == "" {
					run.checkValue(t, "event "+model, l, value, found)
				}
			})
		}
	}
}

// valuesOf are the values of a message as text, and those of enums as the upstream's
// words.
func valuesOf(msg protoreflect.Message, found map[string]bool) map[string]bool {
	if found == nil {
		found = map[string]bool{"": true, "false": true} // nobody can tell what is empty from what is absent
	}
	add := func(field protoreflect.FieldDescriptor, value protoreflect.Value) {
		switch {
		case field.Message() != nil && field.Message().FullName() == "google.protobuf.Timestamp":
			raw, _ := protojson.Marshal(value.Message().Interface()) // a time that was read is one that can be written
			found[normalText(strings.Trim(string(raw), `"`))] = true
		case field.Message() != nil:
			valuesOf(value.Message(), found)
		case field.Enum() != nil && value.Enum() != 0:
			prefix := strings.TrimSuffix(string(field.Enum().Values().ByNumber(0).Name()), "UNSPECIFIED")
			name := strings.TrimPrefix(string(field.Enum().Values().ByNumber(value.Enum()).Name()), prefix)
			found["enum:"+normalText(strings.ReplaceAll(name, "_", ""))] = true
		default:
			found[normalText(fmt.Sprint(value.Interface()))] = true
		}
	}
	for field, value := range msg.Range {
		switch {
		case field.IsMap():
			for _, inner := range value.Map().Range {
				add(field.MapValue(), inner)
			}
		case field.IsList():
			for i := range value.List().Len() {
				add(field, value.List().Get(i))
			}
		default:
			add(field, value)
		}
	}
	return found
}

func normalText(s string) string { return strings.ToLower(s) }

// rpcs are all that the gateway has.
func rpcs() map[protoreflect.MethodDescriptor]bool {
	found := map[protoreflect.MethodDescriptor]bool{}
	protoregistry.GlobalFiles.RangeFilesByPackage("callgate.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				found[methods.Get(j)] = true
			}
		}
		return true
	})
	return found
}

func newMessage(t *testing.T, descriptor protoreflect.MessageDescriptor) proto.Message {
	t.Helper()
	typ, err := protoregistry.GlobalTypes.FindMessageByName(descriptor.FullName())
	if err != nil {
		t.Fatal(err)
	}
	return typ.New().Interface()
}

func routeOf(rule *annotations.HttpRule) (verb, path string) {
	switch pattern := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, pattern.Get
	case *annotations.HttpRule_Post:
		return http.MethodPost, pattern.Post
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, pattern.Delete
	}
	return "", ""
}

// restOf is the gateway's REST front, as the server has it.
func restOf(t *testing.T, g *gateway) http.Handler {
	t.Helper()
	mux := runtime.NewServeMux(runtime.WithUnescapingMode(runtime.UnescapingModeAllCharacters))
	check(t, callgatev1.RegisterCallControlHandler(t.Context(), mux, g.conn))
	check(t, callgatev1.RegisterParticipantsHandler(t.Context(), mux, g.conn))
	check(t, callgatev1.RegisterMediaHandler(t.Context(), mux, g.conn))
	check(t, callgatev1.RegisterRecordingsHandler(t.Context(), mux, g.conn))
	return mux
}

// restSend sends a request by its route.
func restSend(t *testing.T, rest http.Handler, method protoreflect.MethodDescriptor, req proto.Message) error {
	t.Helper()
	verb, path := routeOf(proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule))
	fields := req.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		name := string(fields.Get(i).Name())
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(req.ProtoReflect().Get(fields.Get(i)).String()))
	}
	var body io.Reader
	if verb == http.MethodPost {
		raw, err := protojson.Marshal(req)
		check(t, err)
		body = bytes.NewReader(raw)
	}
	w := httptest.NewRecorder()
	rest.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), verb, path, body))
	if w.Code != http.StatusOK {
		return fmt.Errorf("%s %s: status %d: %s", verb, path, w.Code, w.Body)
	}
	return nil
}
