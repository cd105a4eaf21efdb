package service

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// rpcs are all RPCs of the contract, by their names in methods.
func rpcs(t *testing.T) map[string]protoreflect.MethodDescriptor {
	t.Helper()
	found := map[string]protoreflect.MethodDescriptor{}
	protoregistry.GlobalFiles.RangeFilesByPackage("callgate.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				m := service.Methods().Get(j)
				found["/"+string(service.FullName())+"/"+string(m.Name())] = m
			}
		}
		return true
	})
	if len(found) < 18 {
		t.Fatalf("only %d RPCs found", len(found))
	}
	return found
}

// TestEveryRPCHasAPolicy: an RPC that is not in methods is nobody's, and one that
// names a call is for whom the call is visible to.
func TestEveryRPCHasAPolicy(t *testing.T) {
	all := rpcs(t)
	for name, rpc := range all {
		m, known := methods[name]
		if !known || m.role == "" {
			t.Errorf("%s is not in methods, or open to everybody", name)
			continue
		}
		namesCall := len(namedCalls(filled(t, rpc.Input()))) > 0 || rpc.Input().Fields().ByName("receipt") != nil
		if namesCall != (m.scope == namedCall) {
			t.Errorf("%s: its request names a call: %v; its scope: %v", name, namesCall, m.scope)
		}
	}
	for name := range methods {
		if _, is := all[name]; strings.HasPrefix(name, "/callgate.") && !is {
			t.Errorf("methods has %s, which there is not", name)
		}
	}
}

// TestEveryRPCThatDialsIsBounded: whatever shows a caller id makes a phone ring.
func TestEveryRPCThatDialsIsBounded(t *testing.T) {
	dialling := 0
	for name, rpc := range rpcs(t) {
		if rpc.Input().Fields().ByName("source_caller_id_number") == nil {
			continue
		}
		dialling++
		if len(dials(filled(t, rpc.Input()))) == 0 {
			t.Errorf("%s dials whom it likes", name)
		}
	}
	if dialling < 3 || len(dials(&callgatev1.RedirectCallRequest{})) == 0 {
		t.Errorf("%d RPCs dial", dialling)
	}
}

// filled is a message with something in each of its fields, but for what is
// nested in them.
func filled(t *testing.T, desc protoreflect.MessageDescriptor) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(desc.FullName())
	if err != nil {
		t.Fatal(err)
	}
	m := kind.New()
	for i := range desc.Fields().Len() {
		field := desc.Fields().Get(i)
		if choice := field.ContainingOneof(); choice != nil && m.WhichOneof(choice) != nil {
			continue // the first of a choice
		}
		switch {
		case field.IsList() && field.Message() != nil:
			m.Mutable(field).List().AppendMutable()
		case field.IsList() || field.IsMap():
		case field.Message() != nil:
			m.Mutable(field)
		case field.Kind() == protoreflect.StringKind:
			m.Set(field, protoreflect.ValueOfString("x"))
		}
	}
	return m.Interface()
}
