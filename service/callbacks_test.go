package service

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

func TestAllowedCallbacks(t *testing.T) {
	allowed, err := ParseAllowedCallbacks([]string{"https://app.example/hooks/", "https://whole.example", "https://port.example:8443/a"}, false)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		address string
		want    bool
	}{
		"within the folder":               {"https://app.example/hooks/1?x=y", true},
		"the folder itself":               {"https://app.example/hooks", true},
		"the port that https implies":     {"https://app.example:443/hooks/1", true},
		"a host in capitals":              {"https://APP.example/hooks/1", true},
		"a whole host":                    {"https://whole.example/any/where", true},
		"a whole host without path":       {"https://whole.example", true},
		"a port":                          {"https://port.example:8443/a/b", true},
		"another folder":                  {"https://app.example/other", false},
		"a folder that only begins alike": {"https://app.example/hooks-of-others", false},
		"climbing out of the folder":      {"https://app.example/hooks/../other", false},
		"climbing, in disguise":           {"https://app.example/hooks/%2e%2e/other", false},
		"with a slash in disguise":        {"https://app.example/hooks/..%2fother", false},
		"with a backslash":                {`https://app.example/hooks/..\other`, false},
		"another host":                    {"https://evil.example/hooks/", false},
		"a host that only ends alike":     {"https://evil-app.example/hooks/", false},
		"a host that only begins alike":   {"https://app.example.evil.example/hooks/", false},
		"the host as a user":              {"https://app.example@evil.example/hooks/", false},
		"with a user":                     {"https://user@app.example/hooks/", false},
		"another port":                    {"https://app.example:444/hooks/", false},
		"without TLS":                     {"http://app.example/hooks/", false},
		"this machine":                    {"http://127.0.0.1:8080/hooks", false},
		"no URL":                          {"https://[", false},
		"nothing":                         {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := allowed.permits(test.address); got != test.want {
				t.Errorf("%s is allowed: %v", test.address, got)
			}
		})
	}
}

func TestCallbacksOfThisMachine(t *testing.T) {
	local, err := ParseAllowedCallbacks(nil, true)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"http://127.0.0.1:8080/x": true, "http://localhost/x": true, "http://[::1]:80/x": true,
		"http://10.0.0.1/x": false, "http://localhost.evil.example/x": false, "https://app.example/x": false,
	} {
		if local.permits(address) != want {
			t.Errorf("%s is allowed: %v", address, !want)
		}
	}
	if (*AllowedCallbacks)(nil).permits("http://127.0.0.1/") {
		t.Error("where nothing is allowed, this machine is")
	}
}

func TestAllowedCallbacksAreChecked(t *testing.T) {
	for _, prefix := range []string{"http://app.example/", "app.example", "https://", "https://u@app.example/", "https://app.example/?q", "https://app.example/a/../b", "https://[", ""} {
		if _, err := ParseAllowedCallbacks([]string{prefix}, true); err == nil {
			t.Errorf("%q is allowed", prefix)
		}
	}
}

// TestEveryCallbackFieldIsChecked: whichever request of the contract has a field
// for a callback address, it is held to what is allowed.
func TestEveryCallbackFieldIsChecked(t *testing.T) {
	callbacks := Callbacks{}
	fields := 0
	protoregistry.GlobalTypes.RangeMessages(func(typ protoreflect.MessageType) bool {
		if desc := typ.Descriptor(); strings.HasPrefix(string(desc.FullName()), "callgate.v1.") && strings.HasSuffix(string(desc.Name()), "Request") {
			for i := range desc.Fields().Len() {
				field := desc.Fields().Get(i)
				if !strings.Contains(string(field.Name()), "callback") {
					continue
				}
				fields++
				req := typ.New()
				req.Set(field, protoreflect.ValueOfString("https://evil.example/"))
				var refused *fieldError
				if err := callbacks.check(req.Interface()); !errors.As(err, &refused) || refused.field != string(field.Name()) {
					t.Errorf("%s: error %v", field.FullName(), err)
				}
				if _, is := req.Interface().(actionRequest); !is {
					t.Errorf("%s is no action's request, so nothing checks it", desc.FullName())
				}
				if err := callbacks.check(proto.Clone(typ.Zero().Interface())); err != nil {
					t.Errorf("%s without it: %v", desc.FullName(), err)
				}
			}
		}
		return true
	})
	if fields < 5 {
		t.Errorf("only %d fields found", fields)
	}
}
