package emulator

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
)

const (
	usualFaultDelay = time.Second // of a fault that names none
	maxFaultDelay   = time.Hour
	maxBatch        = 100
	maxFaults       = 1024 // a bound on what a forgetful test may leave behind
)

// faults are the ways in which a world misbehaves, in the order of injection.
type faults struct {
	active  []*fault
	number  uint64        // of those injected so far
	cleared chan struct{} // closed and replaced when they end
}

// fault is one of them, with its count.
type fault struct {
	*emulatorv1.Fault
	id      string
	seed    uint64
	matches uint64
	strikes uint32
}

// strike is one hit of a fault, with its share of chance.
type strike struct {
	*fault
	chance *rand.Rand
}

func newFaults() *faults { return &faults{cleared: make(chan struct{})} }

// inject adds a fault that was found valid.
func (s *faults) inject(f *emulatorv1.Fault, emulatorSeed uint64) (id string, err error) {
	if len(s.active) >= maxFaults {
		return "", errors.New("there are too many faults: clear them")
	}
	s.number++
	added := &fault{Fault: f, id: "fault-" + strconv.FormatUint(s.number, 10), seed: f.GetSeed()}
	if added.seed == 0 {
		added.seed = rand.NewPCG(emulatorSeed, s.number).Uint64()
	}
	s.active = append(s.active, added)
	return added.id, nil
}

// clear ends every fault and tells how often each struck.
func (s *faults) clear() map[string]uint32 {
	strikes := make(map[string]uint32, len(s.active))
	for _, f := range s.active {
		strikes[f.id] = f.strikes
	}
	s.active = nil
	close(s.cleared)
	s.cleared = make(chan struct{})
	return strikes
}

// onRequest are the faults that strike a request, counted.
func (s *faults) onRequest(operation, callConnectionID string) []strike {
	return s.strike(func(f *fault) bool {
		return !ofCallback(f.GetKind()) && (f.GetOperation() == "" || f.GetOperation() == operation) &&
			(f.GetCallConnectionId() == "" || f.GetCallConnectionId() == callConnectionID)
	})
}

// onCallback are the faults that strike an event, counted.
func (s *faults) onCallback(eventType, callConnectionID string) []strike {
	return s.strike(func(f *fault) bool {
		return ofCallback(f.GetKind()) && (f.GetEventType() == "" || f.GetEventType() == eventType) &&
			(f.GetCallConnectionId() == "" || f.GetCallConnectionId() == callConnectionID)
	})
}

func (s *faults) strike(matches func(*fault) bool) (found []strike) {
	for _, f := range s.active {
		if f.GetCount() > 0 && f.strikes >= f.GetCount() || !matches(f) {
			continue
		}
		f.matches++
		// Each match has a generator of its own, so that its fate depends on the
		// seed and its number alone.
		chance := rand.New(rand.NewPCG(f.seed, f.matches)) // #nosec G404 -- it has to be predictable
		if p := f.GetProbability(); f.matches <= uint64(f.GetSkip()) || p > 0 && chance.Float64() >= p {
			continue
		}
		f.strikes++
		found = append(found, strike{f, chance})
	}
	return found
}

// duration is how long this strike delays: the delay and its share of the jitter.
func (s strike) duration() time.Duration {
	delay, jitter := s.GetDelay().AsDuration(), s.GetJitter().AsDuration()
	if s.GetDelay() == nil {
		delay = usualFaultDelay
	}
	return delay + time.Duration(s.chance.Float64()*float64(jitter))
}

// ofCallback tells the faults that strike callbacks from those of requests.
func ofCallback(kind emulatorv1.FaultKind) bool {
	return kind >= emulatorv1.FaultKind_FAULT_KIND_DUPLICATE
}

// checkFault reports why a fault could never strike, or not as it says.
func checkFault(f *emulatorv1.Fault) error {
	kind := f.GetKind()
	if _, known := emulatorv1.FaultKind_name[int32(kind)]; !known || kind == emulatorv1.FaultKind_FAULT_KIND_UNSPECIFIED {
		return errors.New("kind is missing or unknown")
	}
	var problems []error
	problem := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	problem(ofCallback(kind) && f.GetOperation() != "", "operation is not for faults of callbacks")
	problem(!ofCallback(kind) && f.GetEventType() != "", "event_type is not for faults of requests")
	problem(f.GetOperation() != "" && !slices.Contains(operations(), f.GetOperation()), "operation is not one of %v", operations())
	problem(!(f.GetProbability() >= 0 && f.GetProbability() <= 1), "probability is not between 0 and 1")
	for name, d := range map[string]time.Duration{"delay": f.GetDelay().AsDuration(), "jitter": f.GetJitter().AsDuration()} {
		problem(d < 0 || d > maxFaultDelay, "%s is not between 0 and 1 h", name)
	}
	problem(f.GetStatus() != 0 && f.GetStatus() != 500 && f.GetStatus() != 503, "status is neither 500 nor 503")
	problem(f.GetRetryAfterSeconds() > 3600, "retry_after_seconds is more than 3600")
	problem(f.GetBatchSize() == 1 || f.GetBatchSize() > maxBatch, "batch_size is not between 2 and %d", maxBatch)
	return errors.Join(problems...)
}
