package eventstream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
)

const (
	groupsBucket = "CALLGATE_GROUPS"
	// maxGroupsBytes bounds what is kept of groups; when it is reached, no new ones
	// are made.
	maxGroupsBytes = 256 << 20
	lettersStream  = "CALLGATE_DEAD_LETTERS"
	letterPrefix   = "callgate.dead."
	// maxLettersBytes bounds the dead letters of all groups. When it is reached, no
	// event is given up: each is given out again after its ack_wait.
	maxLettersBytes = 1 << 30
)

// errLettersFull says that there is no room for another dead letter.
var errLettersFull = errors.New("the list of dead letters is full")

// codeStoreFailed is the server's error when a message is beyond a stream's limits.
const codeStoreFailed jetstream.ErrorCode = 10077

// errGroupTaken says that somebody else wrote the state in between.
var errGroupTaken = errors.New("the group has another owner")

// GroupName names a group. Every service has groups of its own.
type GroupName struct {
	// Service is whose group it is; empty where clients are not authenticated.
	Service string
	// Name is of letters, digits, "-" and "_".
	Name string
}

// key names the group in subjects and keys.
func (n GroupName) key() string { return n.Name + "." + serviceToken(n.Service) }

func serviceToken(service string) string {
	if service == "" {
		return "-"
	}
	sum := sha256.Sum256([]byte(service))
	return hex.EncodeToString(sum[:8])
}

// groupStore keeps groups beside the log and as durable, for all replicas: in a
// bucket the configuration and the state of each, in a stream their dead letters.
type groupStore struct {
	log     *Log
	streams *part[groupStreams]
}

type groupStreams struct {
	bucket  jetstream.Stream
	kv      jetstream.KeyValue // of bucket
	letters jetstream.Stream
}

func openGroupStore(ctx context.Context, l *Log) (*groupStore, error) {
	streams, err := newPart(ctx, l, l.openGroupStreams)
	return &groupStore{log: l, streams: streams}, err
}

func (l *Log) openGroupStreams(ctx context.Context) (s groupStreams, err error) {
	events := l.stream.CachedInfo().Config
	if s.bucket, err = l.openStream(ctx, jetstream.StreamConfig{
		Name:              "KV_" + groupsBucket,
		Description:       "callgate: groups",
		Subjects:          []string{"$KV." + groupsBucket + ".>"},
		Storage:           events.Storage,
		Replicas:          events.Replicas,
		Discard:           jetstream.DiscardNew,
		MaxBytes:          maxGroupsBytes,
		MaxMsgs:           -1,
		MaxMsgsPerSubject: 1,
		MaxMsgSize:        -1,
		MaxConsumers:      -1,
		Duplicates:        2 * time.Minute,
		AllowRollup:       true,
		DenyDelete:        true,
		AllowDirect:       false, // the leader answers: one that follows may have an older state
	}); err != nil {
		return s, fmt.Errorf("open the groups: %w", err)
	}
	if s.kv, err = l.js.KeyValue(ctx, groupsBucket); err != nil {
		return s, fmt.Errorf("open the groups: %w", err)
	}
	if s.letters, err = l.openStream(ctx, jetstream.StreamConfig{
		Name:              lettersStream,
		Description:       "callgate: events that groups gave up",
		Subjects:          []string{letterPrefix + ">"},
		Storage:           events.Storage,
		Replicas:          events.Replicas,
		Discard:           jetstream.DiscardNew,
		MaxAge:            events.MaxAge,
		MaxBytes:          maxLettersBytes,
		MaxMsgs:           -1,
		MaxMsgsPerSubject: 1,
		MaxMsgSize:        -1,
		MaxConsumers:      -1,
		Duplicates:        min(events.MaxAge, 2*time.Minute),
	}); err != nil {
		return s, fmt.Errorf("open the dead letters: %w", err)
	}
	return s, nil
}

func configKey(key string) string { return "config." + key }
func stateKey(key string) string  { return "state." + key }

// get reads a value into m; found is false when there is none.
func (s *groupStore) get(ctx context.Context, key string, m proto.Message) (revision uint64, found bool, err error) {
	for {
		revision, found, err = s.getOnce(ctx, key, m)
		if err != nil || found {
			return revision, found, err
		}
		shown, err := s.leaderShowsAll(ctx)
		if err != nil || shown {
			return 0, false, err
		}
		if err := awaitLeader(ctx); err != nil {
			return 0, false, err
		}
	}
}

func (s *groupStore) getOnce(ctx context.Context, key string, m proto.Message) (revision uint64, found bool, err error) {
	streams, err := s.streams.get(ctx)
	if err != nil {
		return 0, false, err
	}
	asked, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	entry, err := streams.kv.Get(asked, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, s.log.server.unavailable(ctx, err)
	}
	if err := proto.Unmarshal(entry.Value(), m); err != nil {
		return 0, false, fmt.Errorf("%s of a group: %w", key, err)
	}
	return entry.Revision(), true, nil
}

// leaderShowsAll tells whether what the leader does not find is not there: one that
// has just been elected may still be about to apply it.
func (s *groupStore) leaderShowsAll(ctx context.Context) (bool, error) {
	if !s.log.external {
		return true, nil
	}
	streams, err := s.streams.get(ctx)
	if err != nil {
		return false, err
	}
	asked, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	info, err := streams.bucket.Info(asked)
	if err != nil {
		return false, s.log.server.unavailable(ctx, err)
	}
	alone := info.Cluster == nil || info.Cluster.LeaderSince == nil
	return alone || info.TimeStamp.Sub(*info.Cluster.LeaderSince) >= leaderLag, nil
}

// config is ErrGroupNotFound when there is no such group.
func (s *groupStore) config(ctx context.Context, key string) (*logv1.GroupConfig, error) {
	c := &logv1.GroupConfig{}
	_, found, err := s.get(ctx, configKey(key), c)
	if err == nil && !found {
		err = ErrGroupNotFound
	}
	return c, err
}

// create makes a group, unless there is one: then it returns that. One that is
// being made by somebody else refuses to be made, and is found only once a majority
// has it.
func (s *groupStore) create(ctx context.Context, key string, c *logv1.GroupConfig) (*logv1.GroupConfig, error) {
	for deadline := time.Now().Add(askTimeout); ; {
		_, err := s.write(ctx, configKey(key), c, 0)
		if !errors.Is(err, errGroupTaken) {
			return c, err
		}
		switch found, err := s.config(ctx, key); {
		case !errors.Is(err, ErrGroupNotFound):
			return found, err
		case time.Now().After(deadline):
			return nil, fmt.Errorf("%w: a group that is being made does not appear", ErrLogUnavailable)
		}
		if err := awaitLeader(ctx); err != nil {
			return nil, err
		}
	}
}

// write writes a value that is still of a revision, 0 being none; else it returns
// errGroupTaken.
func (s *groupStore) write(ctx context.Context, key string, m proto.Message, revision uint64) (uint64, error) {
	raw, err := proto.Marshal(m)
	if err != nil {
		return 0, err
	}
	streams, err := s.streams.get(ctx)
	if err != nil {
		return 0, err
	}
	asked, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	revision, err = streams.kv.Update(asked, key, raw, revision)
	switch {
	case errors.Is(err, jetstream.ErrKeyRevisionMismatch) || errors.Is(err, jetstream.ErrKeyExists):
		return 0, errGroupTaken
	case err != nil:
		return 0, s.log.server.unavailable(ctx, err)
	}
	return revision, nil
}

// remove deletes a group: first that there is one, then what is left of it.
func (s *groupStore) remove(ctx context.Context, key string) error {
	streams, err := s.streams.get(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	for _, k := range []string{configKey(key), stateKey(key)} {
		if err := streams.bucket.Purge(ctx, jetstream.WithPurgeSubject("$KV."+groupsBucket+"."+k)); err != nil {
			return s.log.server.unavailable(ctx, err)
		}
	}
	if err := streams.letters.Purge(ctx, jetstream.WithPurgeSubject(letterPrefix+key+".>")); err != nil {
		return s.log.server.unavailable(ctx, err)
	}
	return nil
}

// list returns the groups of a service whose names come after a name, at most limit.
func (s *groupStore) list(ctx context.Context, service, after string, limit int) (configs []*logv1.GroupConfig, more bool, err error) {
	streams, err := s.streams.get(ctx)
	if err != nil {
		return nil, false, err
	}
	asked, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	lister, err := streams.kv.ListKeysFiltered(asked, configKey("*."+serviceToken(service)))
	if err != nil {
		return nil, false, s.log.server.unavailable(ctx, err)
	}
	var names []string
	for key := range lister.Keys() {
		if name := strings.Split(key, ".")[1]; name > after {
			names = append(names, name)
		}
	}
	if err := asked.Err(); err != nil {
		return nil, false, s.log.server.unavailable(ctx, err)
	}
	slices.Sort(names)
	for _, name := range names {
		if len(configs) == limit {
			return configs, true, nil
		}
		switch c, err := s.config(ctx, GroupName{service, name}.key()); {
		case errors.Is(err, ErrGroupNotFound): // deleted in between
		case err != nil:
			return nil, false, err
		default:
			configs = append(configs, c)
		}
	}
	return configs, false, nil
}

// letterSubject is where a dead letter is; of all of a group without a position.
func letterSubject(key, incarnation string, seq ...uint64) string {
	subject := letterPrefix + key + "." + incarnation + "."
	if len(seq) == 0 {
		return subject + "*"
	}
	return subject + strconv.FormatUint(seq[0], 10)
}

// bury puts an event on the list, or what is new of it.
func (s *groupStore) bury(ctx context.Context, subject string, letter *logv1.DeadLetterRecord) error {
	raw, err := proto.Marshal(letter)
	if err != nil {
		return err
	}
	asked, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	_, err = s.log.js.Publish(asked, subject, raw)
	var refusal *jetstream.APIError
	switch {
	case errors.As(err, &refusal) && refusal.ErrorCode == codeStoreFailed:
		return errLettersFull
	case err != nil:
		return s.log.server.unavailable(ctx, err)
	}
	return nil
}

// letter is one dead letter, and its place on the list; nil when it is not there.
func (s *groupStore) letter(ctx context.Context, request leaderRequest) (at uint64, _ *logv1.DeadLetterRecord, err error) {
	msg, err := s.log.askLeaderOf(ctx, lettersStream, request)
	if err != nil || msg == nil {
		return 0, nil, err
	}
	letter := &logv1.DeadLetterRecord{}
	if err := proto.Unmarshal(msg.Data, letter); err != nil {
		return 0, nil, fmt.Errorf("dead letter %d: %w", msg.Seq, err)
	}
	return msg.Seq, letter, nil
}

// listLetters lists dead letters that lie behind a place on the list, at most limit.
func (s *groupStore) listLetters(ctx context.Context, key, incarnation string, after uint64, limit int) (letters []*logv1.DeadLetterRecord, last uint64, more bool, err error) {
	for last = after; ; {
		at, letter, err := s.letter(ctx, leaderRequest{NextFor: letterSubject(key, incarnation), Seq: last + 1})
		if err != nil {
			return nil, 0, false, err
		}
		if letter == nil || len(letters) == limit {
			return letters, last, letter != nil, nil
		}
		letters, last = append(letters, letter), at
	}
}

// raise takes an event off the list; found is false when it is not there.
func (s *groupStore) raise(ctx context.Context, subject string) (found bool, err error) {
	at, letter, err := s.letter(ctx, leaderRequest{LastFor: subject})
	if err != nil || letter == nil {
		return false, err
	}
	streams, err := s.streams.get(ctx)
	if err != nil {
		return false, err
	}
	asked, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if err := streams.letters.DeleteMsg(asked, at); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, s.log.server.unavailable(ctx, err)
	}
	return true, nil
}

// countLetters counts the dead letters of a group.
func (s *groupStore) countLetters(ctx context.Context, key, incarnation string) (n int64, err error) {
	streams, err := s.streams.get(ctx)
	if err != nil {
		return 0, err
	}
	asked, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	info, err := streams.letters.Info(asked, jetstream.WithSubjectFilter(letterSubject(key, incarnation)))
	if err != nil {
		return 0, s.log.server.unavailable(ctx, err)
	}
	return int64(len(info.State.Subjects)), nil
}
