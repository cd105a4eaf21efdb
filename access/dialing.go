package access

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Dialing bounds whom a principal may call, and how much: what a stolen
// credential can cost.
type Dialing struct {
	// Allow are what numbers must begin with; nil: anything.
	Allow []string
	// Deny are what numbers must not begin with, whatever Allow says.
	Deny []string
	// CallerIDs are the numbers that a call may be shown to come from; nil: any.
	CallerIDs []string
	// CallsPerMinute is how many phones may be called in a minute; 0: any.
	CallsPerMinute int
	// ConcurrentCalls is how many call connections may be there at once; 0: any.
	ConcurrentCalls int
}

// MaxConcurrentCalls is the greatest limit of calls that a policy may set.
const MaxConcurrentCalls = 100_000

// Dear are the numbers that are denied where a policy says nothing: those whose
// owner earns by each call (international and national premium rates), and
// satellites, which are as dear.
var Dear = []string{
	"+1900",                                // North America
	"+3389",                                // France
	"+34803", "+34806", "+34807", "+34905", // Spain
	"+3989",         // Italy
	"+4487", "+449", // United Kingdom
	"+49900", "+49137", // Germany
	"+43900", "+43930", // Austria
	"+41900", "+41901", "+41906", // Switzerland
	"+61190", // Australia
	"+870", "+881", "+882", "+883", "+979",
}

// MayCall tells whether a number may be called.
func (d *Dialing) MayCall(number string) bool {
	begins := func(prefix string) bool { return strings.HasPrefix(number, prefix) }
	return (d.Allow == nil || slices.ContainsFunc(d.Allow, begins)) && !slices.ContainsFunc(d.Deny, begins)
}

// MayShow tells whether a call may be shown to come from a number.
func (d *Dialing) MayShow(callerID string) bool {
	return d.CallerIDs == nil || slices.Contains(d.CallerIDs, callerID)
}

// dialingFile is Dialing as it is written: what is absent is said elsewhere.
type dialingFile struct {
	Allow           []string `yaml:"allow"`
	Deny            []string `yaml:"deny"`
	CallerIDs       []string `yaml:"caller_ids"`
	CallsPerMinute  *int     `yaml:"calls_per_minute"`
	ConcurrentCalls *int     `yaml:"concurrent_calls"`
}

var (
	numberPrefix = regexp.MustCompile(`^\+[1-9][0-9]{0,14}$`)
	wholeNumber  = regexp.MustCompile(`^\+[1-9][0-9]{1,14}$`)
)

func (w *dialingFile) validate() error {
	var errs []error
	for _, list := range []struct {
		name   string
		values []string
		form   *regexp.Regexp
	}{
		{"allow", w.Allow, numberPrefix}, {"deny", w.Deny, numberPrefix}, {"caller_ids", w.CallerIDs, wholeNumber},
	} {
		for _, value := range list.values {
			if !list.form.MatchString(value) {
				errs = append(errs, fmt.Errorf("%s: %q is not a plus and digits", list.name, value))
			}
		}
	}
	for _, limit := range []struct {
		name  string
		value *int
	}{{"calls_per_minute", w.CallsPerMinute}, {"concurrent_calls", w.ConcurrentCalls}} {
		if limit.value != nil && (*limit.value < 1 || *limit.value > MaxConcurrentCalls) {
			errs = append(errs, fmt.Errorf("%s: %d is not 1 to %d", limit.name, *limit.value, MaxConcurrentCalls))
		}
	}
	return errors.Join(errs...)
}

// over is what w says, else what common says, else what is so anyway.
func (w *dialingFile) over(common dialingFile) Dialing {
	limit := func(values ...*int) int {
		for _, value := range values {
			if value != nil {
				return *value
			}
		}
		return 0
	}
	list := func(values ...[]string) []string {
		for _, value := range values {
			if value != nil {
				return value
			}
		}
		return nil
	}
	return Dialing{
		Allow:           list(w.Allow, common.Allow),
		Deny:            list(w.Deny, common.Deny, Dear),
		CallerIDs:       list(w.CallerIDs, common.CallerIDs),
		CallsPerMinute:  limit(w.CallsPerMinute, common.CallsPerMinute),
		ConcurrentCalls: limit(w.ConcurrentCalls, common.ConcurrentCalls),
	}
}
