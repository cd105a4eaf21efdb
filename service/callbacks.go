package service

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Callbacks is where the upstream reports what becomes of actions.
type Callbacks struct {
	// Prefix is an absolute URL that makes the gateway's own address with a token
	// of Token behind it, which is a secret.
	Prefix string
	Token  func(owner string) string
	// Allowed are the addresses that a request may name instead; nil for none.
	Allowed *AllowedCallbacks
}

// AllowedCallbacks are the addresses to which clients may have events sent past
// the gateway. What is in an event is then the receiver's, so they are chosen by
// the operator.
type AllowedCallbacks struct {
	prefixes []*url.URL
	loopback bool
}

// ParseAllowedCallbacks allows what begins with one of prefixes, each an https
// URL, in whole segments of the path; and, if loopback says so, all addresses on
// this machine.
func ParseAllowedCallbacks(prefixes []string, loopback bool) (*AllowedCallbacks, error) {
	allowed := &AllowedCallbacks{loopback: loopback}
	for _, prefix := range prefixes {
		u, err := url.Parse(prefix)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !plain(u) {
			return nil, fmt.Errorf("%q must be an https address such as https://app.example/hooks/", prefix)
		}
		allowed.prefixes = append(allowed.prefixes, u)
	}
	return allowed, nil
}

// permits tells whether events may be sent to address.
func (a *AllowedCallbacks) permits(address string) bool {
	u, err := url.Parse(address)
	if a == nil || err != nil || u.User != nil || !plain(u) {
		return false
	}
	if a.loopback && isLoopback(u.Hostname()) {
		return true
	}
	for _, prefix := range a.prefixes {
		if u.Scheme == "https" && hostPort(u) == hostPort(prefix) && within(u.Path, prefix.Path) {
			return true
		}
	}
	return false
}

// plain tells whether the path says where it leads: one that climbs out of its
// folder, or hides a slash, may lead elsewhere for whoever reads it next.
func plain(u *url.URL) bool {
	return (u.Path == "" || strings.TrimSuffix(path.Clean(u.Path), "/") == strings.TrimSuffix(u.Path, "/")) &&
		!strings.Contains(u.Path, `\`) && strings.Count(u.EscapedPath(), "/") == strings.Count(u.Path, "/")
}

func within(path, folder string) bool {
	folder = strings.TrimSuffix(folder, "/")
	return path == folder || strings.HasPrefix(path, folder+"/")
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// check refuses a request that names an address that is not allowed, in
// whichever of its fields: callback_uri, operation_callback_uri and what else
// ends in that.
func (c Callbacks) check(req proto.Message) error {
	m := req.ProtoReflect()
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if field.Kind() == protoreflect.StringKind && strings.HasSuffix(string(field.Name()), "callback_uri") && m.Has(field) && !c.Allowed.permits(m.Get(field).String()) {
			return &fieldError{string(field.Name()), "this gateway does not allow events to be sent there: see --callback-uri-allow"}
		}
	}
	return nil
}
