package eventstream

import "context"

// ownerRecords is how many of a call's first records are looked at for its owner.
const ownerRecords = 8

// Owner is who owns a call connection, by the first record of it that says so;
// empty where none does. Errors are ErrLogUnavailable.
func (l *Log) Owner(ctx context.Context, callConnectionID string) (string, error) {
	var after uint64
	for range ownerRecords {
		msg, err := l.askLeader(ctx, leaderRequest{NextFor: callSubject(callConnectionID, true), Seq: after + 1})
		if err != nil || msg == nil {
			return "", err
		}
		if ev := l.decode(msg.Seq, msg.Data); ev != nil && ev.Owner != "" {
			return ev.Owner, nil
		}
		after = msg.Seq
	}
	return "", nil
}
