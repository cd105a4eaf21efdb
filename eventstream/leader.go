package eventstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Reads in bulk are answered by any server that has the stream, and one that
// follows may not have the last events yet: what it gives is right, but that
// nothing follows is for the leader alone to say.

const (
	// askTimeout bounds a question to the leader: an answer that was lost with a
	// server never comes.
	askTimeout = 4 * time.Second
	// leaderLag is for how long a leader that has just been elected may not show
	// what the one before it had acknowledged.
	leaderLag      = 3 * time.Second
	leaderLagPause = 20 * time.Millisecond
)

// leaderRequest asks the stream's leader for one message: the last of a subject;
// or the next that matches one, from a position or a time on.
type leaderRequest struct {
	LastFor string     `json:"last_by_subj,omitempty"`
	NextFor string     `json:"next_by_subj,omitempty"`
	Seq     uint64     `json:"seq,omitempty"`
	Start   *time.Time `json:"start_time,omitempty"`
}

// leaderMessage is its answer, which has more.
type leaderMessage struct {
	Seq  uint64 `json:"seq"`
	Data []byte `json:"data"`
}

// allSubjects matches every message of the stream.
const allSubjects = ">"

// askLeader returns nil when there is no such message.
func (l *Log) askLeader(ctx context.Context, request leaderRequest) (*leaderMessage, error) {
	return l.askLeaderOf(ctx, streamName, request)
}

// askLeaderOf asks the leader of another stream than the log's.
func (l *Log) askLeaderOf(ctx context.Context, stream string, request leaderRequest) (*leaderMessage, error) {
	raw, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	msg, err := l.conn.RequestWithContext(ctx, jetstream.DefaultAPIPrefix+"STREAM.MSG.GET."+stream, raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLogUnavailable, err)
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message *leaderMessage      `json:"message"`
	}
	switch err := json.Unmarshal(msg.Data, &answer); {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrLogUnavailable, err)
	case answer.Error != nil && answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return nil, nil
	case answer.Error != nil:
		return nil, fmt.Errorf("%w: %w", ErrLogUnavailable, answer.Error)
	case answer.Message == nil || answer.Message.Seq == 0:
		return nil, fmt.Errorf("%w: an answer without a message", ErrLogUnavailable)
	}
	return answer.Message, nil
}

// boundsAt is bounds, once the leader shows the position seq. Of a log that really
// ends before it, they come after leaderLag; of an embedded one at once.
func (l *Log) boundsAt(ctx context.Context, seq uint64) (earliest, last uint64, err error) {
	for deadline := time.Now().Add(leaderLag); ; {
		earliest, last, _, err = l.bounds(ctx)
		if err != nil || last >= seq || !l.external || time.Now().After(deadline) {
			return earliest, last, err
		}
		if err := awaitLeader(ctx); err != nil {
			return 0, 0, fmt.Errorf("%w: %w", ErrLogUnavailable, err)
		}
	}
}

// awaitLeader gives a leader a moment to show more.
func awaitLeader(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(leaderLagPause):
		return nil
	}
}

// confirmEnd completes a page behind which a server has seen nothing more: by what
// the leader has, one by one up to limit. It makes sure first that the leader has
// all that this process knows of.
func (l *Log) confirmEnd(ctx context.Context, p *page, subject string, limit int) error {
	known := l.known.Load()
	_, last, err := l.boundsAt(ctx, known)
	if err != nil {
		return err
	}
	if last < known {
		return fmt.Errorf("%w: it has lost its end", ErrLogUnavailable)
	}
	if subject == "" {
		subject = allSubjects
	}
	for {
		msg, err := l.askLeader(ctx, leaderRequest{NextFor: subject, Seq: p.through + 1})
		if err != nil {
			return err
		}
		if msg == nil {
			p.end = last
			return nil
		}
		if p.count >= limit || p.size >= readBytes {
			p.more = true
			return nil
		}
		l.add(p, msg.Seq, msg.Data)
	}
}

// errReplaced says that the stream was deleted and made anew while we ran.
var errReplaced = errors.New("its stream was replaced by another")
