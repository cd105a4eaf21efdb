package service_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/callgate/callgate/upstream"
)

// contract is what the upstream publishes of its API.
type contract struct {
	Operations []contractOperation
	Models     map[string]map[string]contractMember
	Enums      map[string][]string

	goTypes map[string]reflect.Type // of the wire models, by the contract's names
}

type contractOperation struct {
	Name, Method, Path, Body string
	Repeatable               bool
	Responses                map[string]string

	path *regexp.Regexp
}

type contractMember struct{ Type string }

func readContract(t *testing.T) *contract {
	t.Helper()
	raw, err := os.ReadFile("../upstream/testdata/contract.json")
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{goTypes: map[string]reflect.Type{}}
	if err := json.Unmarshal(raw, c); err != nil {
		t.Fatal(err)
	}
	segment := regexp.MustCompile(`\\\{[a-zA-Z]+\\\}`)
	for i := range c.Operations {
		op := &c.Operations[i]
		for status, model := range op.Responses {
			if c.Models[model] == nil && c.Models[model+"Internal"] != nil {
				op.Responses[status] = model + "Internal"
			}
		}
		op.path = regexp.MustCompile("^" + segment.ReplaceAllString(regexp.QuoteMeta(op.Path), "[^/:]+") + "$")
	}
	client := reflect.TypeOf((*upstream.Client)(nil))
	for i := range client.NumMethod() {
		method := client.Method(i).Type
		for j := range method.NumIn() {
			c.addGoType(method.In(j))
		}
		for j := range method.NumOut() {
			c.addGoType(method.Out(j))
		}
	}
	return c
}

// addGoType adds a wire model and all that it is made of.
func (c *contract) addGoType(typ reflect.Type) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		c.addGoType(typ.Elem())
	case reflect.Struct:
		name := typ.Name()
		if c.Models[name+"Internal"] != nil {
			name += "Internal"
		}
		if c.Models[name] == nil || c.goTypes[name] != nil {
			return
		}
		c.goTypes[name] = typ
		for i := range typ.NumField() {
			c.addGoType(typ.Field(i).Type)
		}
	}
}

// operation finds the one that a request asks for; nil for none.
func (c *contract) operation(method, target string) *contractOperation {
	for i := range c.Operations {
		op := &c.Operations[i]
		if op.Method == method && op.path.MatchString(pathOf(target)) {
			return op
		}
		if op.Path == "{nextLink}" && strings.HasPrefix(target, nextLink) {
			return op
		}
	}
	return nil
}

// success is the first status of success that the contract has, and the model of
// its answer: empty for none.
func (op *contractOperation) success() (status int, model string) {
	for status = 200; status < 300; status++ {
		if model, is := op.Responses[fmt.Sprint(status)]; is {
			return status, model
		}
	}
	return 0, ""
}

// polymorphic are the types of which one kind is in use.
var polymorphic = map[string]string{
	"MediaStreamingOptionsInternal": "WebSocketMediaStreamingOptions",
	"TranscriptionOptionsInternal":  "WebSocketTranscriptionOptions",
}

// eventEnums are the enums of members of events; those of requests and answers are
// told by the wire models.
var eventEnums = map[string]string{
	"ContinuousDtmfRecognitionToneReceived.tone":       "Tone",
	"DtmfResult.tones":                                 "Tone",
	"RecognizeCompleted.recognitionType":               "RecognitionType",
	"TranscriptionUpdate.transcriptionStatus":          "TranscriptionStatus",
	"TranscriptionUpdate.transcriptionStatusDetails":   "TranscriptionStatusDetails",
	"MediaStreamingUpdate.contentType":                 "MediaStreamingContentType",
	"MediaStreamingUpdate.mediaStreamingStatus":        "MediaStreamingStatus",
	"MediaStreamingUpdate.mediaStreamingStatusDetails": "MediaStreamingStatusDetails",
	"RecordingStateChanged.state":                      "RecordingState",
	"RecordingStateChanged.recordingKind":              "RecordingKind",
}

// enum is the contract's name of the enum that a member holds; empty for none.
func (c *contract) enum(model, member string) string {
	if name := eventEnums[model+"."+member]; name != "" {
		return name
	}
	typ := c.goTypes[model]
	if typ == nil {
		return ""
	}
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		if name != member {
			continue
		}
		held := typ.Field(i).Type
		for held.Kind() == reflect.Slice || held.Kind() == reflect.Pointer {
			held = held.Elem()
		}
		for _, enum := range []string{held.Name(), held.Name() + "Model", strings.TrimPrefix(held.Name(), "Communication") + "Model"} {
			if c.Enums[enum] != nil {
				return enum
			}
		}
		if held.Name() == "CommunicationIdentifierKind" {
			return "CommunicationIdentifierModelKind"
		}
	}
	return ""
}

// leaf is a member that is no object: where it stands in a body, which member of
// which model it is, and which enum it is of.
type leaf struct{ path, member, typ, enum string }

// leaves are those that a model may have.
func (c *contract) leaves(model string) []leaf {
	var found []leaf
	for name, member := range c.Models[model] {
		found = append(found, c.leavesOf(model+"."+name, "."+name, member.Type, c.enum(model, name))...)
	}
	return found
}

func (c *contract) leavesOf(member, path, typ, enum string) []leaf {
	if inner, is := strings.CutPrefix(typ, "array<"); is {
		return c.leavesOf(member, path+"[]", strings.TrimSuffix(inner, ">"), enum)
	}
	if inner, is := strings.CutPrefix(typ, "map<string,"); is {
		return c.leavesOf(member, path+"{}", strings.TrimSuffix(inner, ">"), enum)
	}
	if one := polymorphic[typ]; one != "" {
		typ = one
	}
	if c.Models[typ] == nil {
		return []leaf{{path, member, typ, enum}}
	}
	var found []leaf
	for _, l := range c.leaves(typ) {
		l.path = path + l.path
		found = append(found, l)
	}
	return found
}

// visit walks through a body of a model, which may have no other members than that.
func (c *contract) visit(t *testing.T, model, path string, body any, each func(l leaf, value any)) {
	t.Helper()
	object, is := body.(map[string]any)
	if !is {
		t.Fatalf("%s is %v, which is no %s", path, body, model)
	}
	for name, value := range object {
		member, known := c.Models[model][name]
		if !known {
			t.Errorf("%s.%s is none of the contract's", path, name)
			continue
		}
		c.visitMember(t, leaf{path + "." + name, model + "." + name, member.Type, c.enum(model, name)}, value, each)
	}
}

func (c *contract) visitMember(t *testing.T, l leaf, value any, each func(leaf, any)) {
	t.Helper()
	if inner, is := strings.CutPrefix(l.typ, "array<"); is {
		for _, item := range value.([]any) {
			c.visitMember(t, leaf{l.path + "[]", l.member, strings.TrimSuffix(inner, ">"), l.enum}, item, each)
		}
		return
	}
	if inner, is := strings.CutPrefix(l.typ, "map<string,"); is {
		for _, item := range value.(map[string]any) {
			c.visitMember(t, leaf{l.path + "{}", l.member, strings.TrimSuffix(inner, ">"), l.enum}, item, each)
		}
		return
	}
	if one := polymorphic[l.typ]; one != "" {
		l.typ = one
	}
	if c.Models[l.typ] != nil {
		c.visit(t, l.typ, l.path, value, each)
		return
	}
	each(l, value)
}

// example is a body of a model that has every member, each with a value of its own;
// of what can be one of several, the turn-th.
func (c *contract) example(model string, turn int) map[string]any {
	body := map[string]any{}
	for name, member := range c.Models[model] {
		body[name] = c.exampleOf(model, name, member.Type, turn)
	}
	if model == "CommunicationIdentifierModel" { // of the nested members, one is there
		kinds := c.Enums["CommunicationIdentifierModelKind"]
		kind := kinds[turn%len(kinds)]
		body["kind"] = kind
		for _, other := range kinds {
			if other != kind {
				delete(body, other)
			}
		}
	}
	return body
}

func (c *contract) exampleOf(model, name, typ string, turn int) any {
	if inner, is := strings.CutPrefix(typ, "array<"); is {
		return []any{c.exampleOf(model, name, strings.TrimSuffix(inner, ">"), turn)}
	}
	if inner, is := strings.CutPrefix(typ, "map<string,"); is {
		return map[string]any{"key": c.exampleOf(model, name, strings.TrimSuffix(inner, ">"), turn)}
	}
	if one := polymorphic[typ]; one != "" {
		typ = one
	}
	if c.Models[typ] != nil {
		return c.example(typ, turn)
	}
	if values := c.Enums[c.enum(model, name)]; len(values) > 0 {
		return values[turn%len(values)]
	}
	switch typ {
	case "boolean":
		return turn%2 == 0
	case "number":
		return 1000 + len(model)*100 + len(name)
	case "datetime":
		return "2026-03-12T10:00:00Z"
	}
	return "the " + name + " of " + model
}
