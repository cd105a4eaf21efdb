package eventstream

import (
	"slices"
	"strings"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// filter is an EventFilter made ready for many events.
type filter struct {
	calls        set[string]
	serverCalls  set[string]
	correlations set[string]
	types        set[callgatev1.CallEventType]
	typeNames    []string
	contexts     set[string]
	commands     bool // let commands through at all
}

// set holds what a field may be; empty means anything.
type set[T comparable] map[T]struct{}

func setOf[T comparable](values []T) set[T] {
	if len(values) == 0 {
		return nil // most filters leave most out
	}
	s := make(set[T], len(values))
	for _, value := range values {
		s[value] = struct{}{}
	}
	return s
}

func (s set[T]) has(value T) bool {
	_, ok := s[value]
	return ok
}

func (s set[T]) allows(value T) bool { return len(s) == 0 || s.has(value) }

func newFilter(f *callgatev1.EventFilter) filter {
	return filter{
		calls:        setOf(f.GetCallConnectionIds()),
		serverCalls:  setOf(f.GetServerCallIds()),
		correlations: setOf(f.GetCorrelationIds()),
		types:        setOf(f.GetTypes()),
		typeNames:    slices.Clone(f.GetTypeNames()),
		contexts:     setOf(f.GetOperationContexts()),
	}
}

// matches tells whether the filter lets ev through.
func (f *filter) matches(ev *callgatev1.CallEvent) bool {
	return (f.commands || !isCommand(ev.GetType())) &&
		f.calls.allows(ev.GetCallConnectionId()) &&
		f.serverCalls.allows(ev.GetServerCallId()) &&
		f.correlations.allows(ev.GetCorrelationId()) &&
		f.contexts.allows(ev.GetOperationContext()) &&
		f.matchesType(ev)
}

// matchesType: types and type names are one choice, made in two ways. Names match
// in any case, as they do when an event is decoded.
func (f *filter) matchesType(ev *callgatev1.CallEvent) bool {
	if len(f.types) == 0 && len(f.typeNames) == 0 {
		return true
	}
	if f.types.has(ev.GetType()) {
		return true
	}
	for _, name := range f.typeNames {
		if strings.EqualFold(name, ev.GetTypeName()) {
			return true
		}
	}
	return false
}
