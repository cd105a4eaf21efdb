package service

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/callgate/callgate/eventstream"
	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/upstream"
)

// requests is what is known of the actions that clients named.
type requests interface {
	Create(ctx context.Context, key string, request *logv1.Request) (revision uint64, existing *logv1.Request, err error)
	Replace(ctx context.Context, key string, request *logv1.Request, revision uint64) (uint64, error)
	Forget(ctx context.Context, key string, revision uint64) error
}

var (
	errRequestIDReused   = errors.New("the request_id was given to another request")
	errRequestInProgress = errors.New("a request with this request_id is still on its way")
	errOutcomeUnknown    = errors.New("the first request got no answer, and cannot be sent again")
)

const (
	// busyFor is how long an action is taken to be on its way when its caller
	// set no deadline: longer than all tries at the upstream take.
	busyFor = 2 * time.Minute
	// repeatWindow is for how long the upstream is trusted to know a repeated
	// action for the same. It does not say; it was seen to after seconds.
	repeatWindow = 5 * time.Minute
	// recordTimeout bounds the writing of a record once the upstream has
	// answered, whether the client is still there or not.
	recordTimeout = 5 * time.Second
)

// repetition is what comes of asking the upstream for an action again.
type repetition int

const (
	known    repetition = iota // it knows the action by its name, and acts once
	harmless                   // it acts again, which does no more
	harmful                    // it acts again: it is never asked twice
)

// repetitions are those that are not known. A test holds them to the contract of
// the upstream.
var repetitions = map[callgatev1.Action]repetition{
	callgatev1.Action_ACTION_HANG_UP_CALL:                      harmless,
	callgatev1.Action_ACTION_PLAY_MEDIA:                        harmful,
	callgatev1.Action_ACTION_RECOGNIZE_INPUT:                   harmful,
	callgatev1.Action_ACTION_START_CONTINUOUS_DTMF_RECOGNITION: harmful,
	callgatev1.Action_ACTION_STOP_CONTINUOUS_DTMF_RECOGNITION:  harmful,
	callgatev1.Action_ACTION_HOLD_PARTICIPANT:                  harmful,
	callgatev1.Action_ACTION_UNHOLD_PARTICIPANT:                harmful,
	callgatev1.Action_ACTION_START_TRANSCRIPTION:               harmful,
	callgatev1.Action_ACTION_STOP_TRANSCRIPTION:                harmful,
	callgatev1.Action_ACTION_UPDATE_TRANSCRIPTION:              harmful,
	callgatev1.Action_ACTION_START_MEDIA_STREAMING:             harmful,
	callgatev1.Action_ACTION_STOP_MEDIA_STREAMING:              harmful,
	callgatev1.Action_ACTION_CANCEL_ALL_MEDIA_OPERATIONS:       harmful,
	callgatev1.Action_ACTION_PAUSE_RECORDING:                   harmful,
	callgatev1.Action_ACTION_RESUME_RECORDING:                  harmful,
	callgatev1.Action_ACTION_STOP_RECORDING:                    harmless,
	callgatev1.Action_ACTION_DELETE_RECORDING:                  harmless,
}

// once performs an action that the client named, if it was not performed yet,
// and gives the answer that it was given. Whoever finds an action that was begun
// and not answered, because its gateway was killed, say, sends the very same
// again: the upstream then acts once. What it would do again is not sent again, and
// its outcome stays unknown.
func once[R actionResponse](ctx context.Context, a *Actions, act *action, req actionRequest, do func(*action) (R, error)) (R, error) {
	var none R
	hash, err := hashOf(req)
	if err != nil {
		return none, err
	}
	key := recordKey(principalOf(ctx), act.receipt.GetAction(), req.GetRequestId())
	now := act.began
	record := &logv1.Request{
		Hash: hash, RepeatId: act.repeat.ID, FirstSent: timestamppb.New(now),
		CallbackUri: act.callbackURI, Cursor: act.receipt.GetCursor(), BusyUntil: busyUntil(ctx, now),
	}
	revision, existing, err := a.requests.Create(ctx, key, record)
	if err != nil {
		return none, fmt.Errorf("record the request: %w", err)
	}
	if existing != nil {
		if string(existing.GetHash()) != string(hash) {
			return none, errRequestIDReused
		}
		if existing.GetAnswered() {
			return replay[R](existing)
		}
		record = existing
		if revision, err = a.takeOver(ctx, act.receipt.GetAction(), key, record, revision, now); err != nil {
			return none, err
		}
		act.repeat.FirstSent = record.GetFirstSent().AsTime()
		act.callbackURI = record.GetCallbackUri()
		act.receipt.Cursor = record.GetCursor()
	}

	resp, err := do(act)
	// What the upstream said is recorded even if the client has gone.
	recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err != nil {
		a.recordFailure(recording, key, record, revision, existing == nil && !mayHaveActed(err))
		return none, err
	}
	a.recordAnswer(recording, key, record, revision, resp)
	return resp, nil
}

// recordKey tells named actions apart. A name is the client's own, for one kind
// of action. It is a UUID, so that what follows it cannot be taken for part of it.
func recordKey(principal string, kind callgatev1.Action, requestID string) string {
	sum := sha256.Sum256([]byte(kind.String() + "\n" + requestID + principal))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// hashOf is of what the client asks for: how long it waits for the outcome is
// not part of that.
func hashOf(req actionRequest) ([]byte, error) {
	same := proto.Clone(req)
	if field := same.ProtoReflect().Descriptor().Fields().ByName("wait_timeout"); field != nil {
		same.ProtoReflect().Clear(field)
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(same)
	sum := sha256.Sum256(raw)
	return sum[:], err
}

func busyUntil(ctx context.Context, now time.Time) *timestamppb.Timestamp {
	until := now.Add(busyFor)
	if deadline, has := ctx.Deadline(); has && deadline.Before(until) {
		until = deadline
	}
	return timestamppb.New(until)
}

// takeOver makes an action that was begun and not answered one's own.
func (a *Actions) takeOver(ctx context.Context, kind callgatev1.Action, key string, record *logv1.Request, revision uint64, now time.Time) (uint64, error) {
	switch {
	case now.Before(record.GetBusyUntil().AsTime()):
		return 0, errRequestInProgress
	case repetitions[kind] == harmful, now.Sub(record.GetFirstSent().AsTime()) > repeatWindow:
		return 0, errOutcomeUnknown
	}
	record.BusyUntil = busyUntil(ctx, now)
	revision, err := a.requests.Replace(ctx, key, record, revision)
	if errors.Is(err, eventstream.ErrRequestChanged) {
		return 0, errRequestInProgress // somebody was quicker
	}
	return revision, err
}

// replay is the answer that the request was given before.
func replay[R actionResponse](record *logv1.Request) (R, error) {
	var none R
	resp := none.ProtoReflect().New().Interface().(R)
	if err := proto.Unmarshal(record.GetResponse(), resp); err != nil {
		return none, fmt.Errorf("recorded response: %w", err)
	}
	resp.GetReceipt().Replayed = true
	return resp, nil
}

// recordAnswer keeps a response for whoever asks again. If that fails, the next
// to ask finds the request unanswered: that is only said.
func (a *Actions) recordAnswer(ctx context.Context, key string, record *logv1.Request, revision uint64, resp actionResponse) {
	raw, err := proto.Marshal(resp)
	if err == nil {
		record.Answered, record.Response = true, raw
		_, err = a.requests.Replace(ctx, key, record, revision)
	}
	if err != nil {
		a.logger.ErrorContext(ctx, "the answer to a request was not recorded",
			"action", resp.GetReceipt().GetAction().String(), "call_connection_id", resp.GetReceipt().GetCallConnectionId(), "error", err)
	}
}

// recordFailure lets the action be asked for again: as a new one where it
// certainly did not happen, else as the same, which takeOver deals with.
func (a *Actions) recordFailure(ctx context.Context, key string, record *logv1.Request, revision uint64, certain bool) {
	var err error
	if certain {
		err = a.requests.Forget(ctx, key, revision)
	} else {
		record.BusyUntil = timestamppb.Now()
		_, err = a.requests.Replace(ctx, key, record, revision)
	}
	if err != nil {
		a.logger.ErrorContext(ctx, "the failure of a request was not recorded", "error", err)
	}
}

// mayHaveActed says whether the upstream may have done what failed.
func mayHaveActed(err error) bool {
	var (
		e      *upstream.Error
		unsent *unsentError
	)
	if errors.As(err, &unsent) || refusalOf(err) != nil {
		return false
	}
	return !errors.As(err, &e) || e.MayHaveActed()
}

// unsentError is a failure that came about before anything was sent.
type unsentError struct{ error }

func (e *unsentError) Unwrap() error { return e.error }

// unnamed is the error of an action that the client did not name. Its next try
// would be another action, which the upstream could not know for the same one:
// such an error does not say "send it again".
func unnamed(err error) error {
	var e *upstream.Error
	if !errors.As(err, &e) || !e.Repeatable || !e.MayHaveActed() {
		return err
	}
	blindly := *e
	blindly.Repeatable = false
	return &blindly
}
