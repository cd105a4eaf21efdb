package upstream

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// models are all wire models; TestEveryModelIsListed holds the list to the
// source.
var models = []any{
	CreateCallRequest{}, AnswerCallRequest{}, RedirectCallRequest{}, RejectCallRequest{}, ConnectRequest{}, CallLocator{},
	TransferToParticipantRequest{}, TransferCallResponse{}, CallConnectionProperties{}, CallParticipant{}, GetParticipantsResponse{},
	AddParticipantRequest{}, AddParticipantResponse{}, CancelAddParticipantRequest{}, CancelAddParticipantResponse{},
	RemoveParticipantRequest{}, RemoveParticipantResponse{}, MuteParticipantsRequest{}, MuteParticipantsResult{},
	MoveParticipantsRequest{}, MoveParticipantsResponse{}, CommunicationIdentifierModel{}, CommunicationUserIdentifierModel{},
	PhoneNumberIdentifierModel{}, MicrosoftTeamsUserIdentifierModel{}, MicrosoftTeamsAppIdentifierModel{},
	TeamsExtensionUserIdentifierModel{}, CallIntelligenceOptions{}, WebSocketMediaStreamingOptions{}, WebSocketTranscriptionOptions{},
	MediaStreamingSubscription{}, TranscriptionSubscription{}, CustomCallingContext{}, TeamsPhoneCallDetails{},
	TeamsPhoneCallerDetails{}, TeamsPhoneSourceDetails{}, CommunicationErrorResponse{}, CommunicationError{},
	PlayRequest{}, PlayOptions{}, PlaySource{}, FileSource{}, TextSource{}, SsmlSource{}, HoldRequest{}, UnholdRequest{},
	RecognizeRequest{}, RecognizeOptions{}, DtmfOptions{}, Choice{}, SpeechOptions{}, DtmfResult{}, ChoiceResult{}, SpeechResult{},
	ContinuousDtmfRecognitionRequest{}, SendDtmfTonesRequest{}, SendDtmfTonesResult{}, StartTranscriptionRequest{},
	StopTranscriptionRequest{}, UpdateTranscriptionRequest{}, StartMediaStreamingRequest{}, StopMediaStreamingRequest{},
	TranscriptionUpdate{}, MediaStreamingUpdate{}, StartCallRecordingRequest{}, ChannelAffinity{}, RecordingStorage{},
	RecordingStateResponse{},
}

// requiredBySpec are the members that the specification requires but the
// contract, which was read off a package, cannot mark (composite types).
var requiredBySpec = map[string]string{
	"AddParticipantRequest":            "participantToAdd",
	"ChannelAffinity":                  "participant",
	"CommunicationErrorResponse":       "error",
	"ConnectRequest":                   "callLocator",
	"ContinuousDtmfRecognitionRequest": "targetParticipant",
	"HoldRequest":                      "targetParticipant",
	"RecognizeOptions":                 "targetParticipant",
	"RecognizeRequest":                 "recognizeOptions",
	"RedirectCallRequest":              "target",
	"RemoveParticipantRequest":         "participantToRemove",
	"SendDtmfTonesRequest":             "targetParticipant",
	"TeamsPhoneCallerDetails":          "caller",
	"TeamsPhoneSourceDetails":          "source",
	"TransferToParticipantRequest":     "targetParticipant",
	"UnholdRequest":                    "targetParticipant",
}

// contractEnums are the Go types of the contract's enums.
var contractEnums = map[string]string{
	"CallConnectionState":             "CallConnectionStateModel",
	"CommunicationCloudEnvironment":   "CommunicationCloudEnvironmentModel",
	"CommunicationIdentifierKind":     "CommunicationIdentifierModelKind",
	"AudioFormat":                     "AudioFormat",
	"CallLocatorKind":                 "CallLocatorKind",
	"CallRejectReason":                "CallRejectReason",
	"MediaStreamingAudioChannelType":  "MediaStreamingAudioChannelType",
	"MediaStreamingContentType":       "MediaStreamingContentType",
	"MediaStreamingStatus":            "MediaStreamingStatus",
	"MediaStreamingStatusDetails":     "MediaStreamingStatusDetails",
	"MediaStreamingSubscriptionState": "MediaStreamingSubscriptionState",
	"PlaySourceType":                  "PlaySourceType",
	"RecognitionType":                 "RecognitionType",
	"RecognizeInputType":              "RecognizeInputType",
	"RecordingChannelType":            "RecordingChannelType",
	"RecordingContentType":            "RecordingContentType",
	"RecordingFormatType":             "RecordingFormatType",
	"RecordingKind":                   "RecordingKind",
	"RecordingState":                  "RecordingState",
	"RecordingStorageKind":            "RecordingStorageKind",
	"StreamingTransportType":          "StreamingTransportType",
	"Tone":                            "Tone",
	"TranscriptionResultState":        "TranscriptionResultState",
	"TranscriptionStatus":             "TranscriptionStatus",
	"TranscriptionStatusDetails":      "TranscriptionStatusDetails",
	"TranscriptionSubscriptionState":  "TranscriptionSubscriptionState",
	"VoiceKind":                       "VoiceKind",
}

type contract struct {
	APIVersion string `json:"apiVersion"`
	Operations []struct {
		Group, Name, Method, Path, Body string
		Repeatable                      bool
		Responses                       map[string]string
	}
	Models map[string]map[string]struct {
		Type     string
		Required bool
	}
	Enums map[string][]string
}

func readContract(t *testing.T) contract {
	t.Helper()
	raw, err := os.ReadFile("testdata/contract.json")
	if err != nil {
		t.Fatal(err)
	}
	var c contract
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// modelName is the contract's name of a Go type.
func modelName(c contract, goName string) string {
	if _, is := c.Models[goName+"Internal"]; is {
		return goName + "Internal"
	}
	return goName
}

func TestModelsFollowTheContract(t *testing.T) {
	c := readContract(t)
	if c.APIVersion != DefaultAPIVersion {
		t.Errorf("the contract is of %s, DefaultAPIVersion is %s", c.APIVersion, DefaultAPIVersion)
	}
	for _, model := range models {
		typ := reflect.TypeOf(model)
		t.Run(typ.Name(), func(t *testing.T) {
			want, known := c.Models[modelName(c, typ.Name())]
			if !known {
				t.Fatalf("the contract has no model %s", typ.Name())
			}
			seen := map[string]bool{}
			for i := range typ.NumField() {
				field := typ.Field(i)
				name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
				member, known := want[name]
				if !known {
					t.Errorf("%s: the contract has no member %q", field.Name, name)
					continue
				}
				seen[name] = true
				if got := wireType(c, field.Type); got != member.Type && !isTransportOption(name, got, member.Type) {
					t.Errorf("%s is %s on the wire, the contract says %s", name, got, member.Type)
				}
				required := member.Required || requiredBySpec[typ.Name()] == name
				if omitted := strings.Contains(options, "omit"); omitted == required {
					t.Errorf("%s: required is %v, left out when unset is %v", name, required, omitted)
				}
			}
			for name := range want {
				if !seen[name] {
					t.Errorf("member %q of the contract is missing", name)
				}
			}
		})
	}
}

// isTransportOption allows the one kind that a polymorphic member has.
func isTransportOption(member, got, want string) bool {
	return (member == "mediaStreamingOptions" && got == "WebSocketMediaStreamingOptions" && want == "MediaStreamingOptionsInternal") ||
		(member == "transcriptionOptions" && got == "WebSocketTranscriptionOptions" && want == "TranscriptionOptionsInternal")
}

// wireType is a Go type in the contract's words.
func wireType(c contract, typ reflect.Type) string {
	switch typ.Kind() {
	case reflect.Pointer:
		return wireType(c, typ.Elem())
	case reflect.Slice:
		return "array<" + wireType(c, typ.Elem()) + ">"
	case reflect.Map:
		return "map<" + wireType(c, typ.Key()) + "," + wireType(c, typ.Elem()) + ">"
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int32, reflect.Float64:
		return "number"
	case reflect.Struct:
		return modelName(c, typ.Name())
	}
	return typ.String()
}

// Of the models of the contract, only those of events are not here: they are read
// where callbacks are.
func TestEveryModelOfTheContractIsHere(t *testing.T) {
	c := readContract(t)
	here := map[string]bool{"ResultInformation": true, "SipDiagnosticInfo": true} // parts of events
	for _, model := range models {
		here[modelName(c, reflect.TypeOf(model).Name())] = true
	}
	for _, special := range []string{"MediaStreamingOptionsInternal", "TranscriptionOptionsInternal"} {
		here[special] = true // see isTransportOption
	}
	for name, members := range c.Models {
		_, isEvent := members["correlationId"]
		if isEvent = isEvent && members["resultInformation"].Type != ""; !isEvent && !here[name] {
			t.Errorf("%s is not here", name)
		}
	}
}

func TestEveryEnumOfTheContractIsHere(t *testing.T) {
	here := slices.Collect(maps.Values(contractEnums))
	for name := range readContract(t).Enums {
		if !slices.Contains(here, name) {
			t.Errorf("%s is not here", name)
		}
	}
}

func TestEveryModelIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, model := range models {
		listed[reflect.TypeOf(model).Name()] = true
	}
	for _, decl := range parseModels(t) {
		gen, is := decl.(*ast.GenDecl)
		if !is {
			continue
		}
		for _, spec := range gen.Specs {
			spec, is := spec.(*ast.TypeSpec)
			if !is {
				continue
			}
			if _, isStruct := spec.Type.(*ast.StructType); isStruct && !listed[spec.Name.Name] {
				t.Errorf("%s is not in the list of models", spec.Name.Name)
			}
		}
	}
}

func TestEnumsFollowTheContract(t *testing.T) {
	c := readContract(t)
	values := map[string][]string{}
	for _, decl := range parseModels(t) {
		gen, is := decl.(*ast.GenDecl)
		if !is || gen.Tok != token.CONST {
			continue
		}
		for _, spec := range gen.Specs {
			spec := spec.(*ast.ValueSpec)
			typ := spec.Type.(*ast.Ident).Name
			values[typ] = append(values[typ], strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`))
		}
	}
	for typ, enum := range contractEnums {
		got, want := slices.Sorted(slices.Values(values[typ])), slices.Sorted(slices.Values(c.Enums[enum]))
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s has %v, the contract's %s %v", typ, got, enum, want)
		}
	}
	for typ := range values {
		if contractEnums[typ] == "" {
			t.Errorf("%s is held to no enum of the contract", typ)
		}
	}
}

// parseModels is what the files of models declare.
func parseModels(t *testing.T) []ast.Decl {
	t.Helper()
	names, err := filepath.Glob("models*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("found %v, %v", names, err)
	}
	var decls []ast.Decl
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		decls = append(decls, file.Decls...)
	}
	return decls
}
