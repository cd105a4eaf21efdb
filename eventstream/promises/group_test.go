package promises

import (
	"strings"
	"testing"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// given is an event given to a member; those of even positions are of one call.
func given(n, attempt int) GroupStep {
	resp := event(n)
	resp.Delivery = &callgatev1.EventDelivery{Attempt: int32(attempt)}
	return GroupStep{Given: resp}
}

func acknowledged(n int) GroupStep { return GroupStep{Acknowledged: at(n)} }

func dead(n, deliveries int) *callgatev1.DeadLetter {
	return &callgatev1.DeadLetter{Event: logged(n), Deliveries: int32(deliveries)}
}

func TestGroupValidatorFindsWhatBreaksAPromise(t *testing.T) {
	log := Log{logged(1), logged(2), logged(3), logged(4)}
	call := func(e *callgatev1.CallEvent) string {
		n, _ := position(e.GetCursor())
		return []string{"even", "odd"}[n%2]
	}
	type steps = []GroupStep
	well := steps{given(1, 1), given(2, 1), acknowledged(2), given(4, 1), acknowledged(1), given(3, 1), acknowledged(4), acknowledged(3)}
	for name, test := range map[string]struct {
		steps  steps
		dead   []*callgatev1.DeadLetter
		broken string
	}{
		"all is well": {well, nil, ""},
		"something came again": {
			append(steps{given(1, 1)}, append(well, given(3, 2))...), nil, "",
		},
		"one was given up": {
			steps{given(1, 1), given(1, 2), given(3, 1), acknowledged(3), given(2, 1), acknowledged(2), given(4, 1), acknowledged(4)},
			[]*callgatev1.DeadLetter{dead(1, 2)}, "",
		},
		"the log has lost some, and it was told": {
			steps{{Given: gap(0, 2)}, given(3, 1), acknowledged(3), given(4, 1), acknowledged(4)}, nil, "",
		},
		"one was left out":           {append(steps{acknowledged(2)}, well[3:]...), nil, "at least once"},
		"one was not acknowledged":   {well[:7], nil, "at least once"},
		"one came too early":         {append(steps{given(4, 1)}, well...), nil, "ordered by call at least once"},
		"one came too often":         {append(steps{given(1, 3)}, well...), nil, "given up"},
		"one was given up too early": {well, []*callgatev1.DeadLetter{dead(1, 1)}, "given up"},
		"one was given up that is not for the group": {
			well, []*callgatev1.DeadLetter{dead(9, 2)}, "given up",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := GroupRecording{Position: position, Call: call, MaxDeliveries: 2, Steps: test.steps}
			err := CheckGroup(r, log, test.dead, func(*callgatev1.CallEvent) bool { return true })
			for _, promise := range []string{"at least once", "ordered by call", "given up"} {
				said := err != nil && strings.Contains(err.Error(), promise+": ")
				if want := strings.Contains(test.broken, promise); said != want {
					t.Errorf("%s broken: %v, want %v: %v", promise, said, want, err)
				}
			}
		})
	}
}
