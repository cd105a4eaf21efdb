package eventstream

import "context"

// ListEvents lists the events of one call connection, with or without commands,
// oldest first, at most limit and not much more than 1 MiB of them. pageToken is empty for the first page and
// nextToken of the page before for any other; nextToken is empty on the last.
//
// A page token is a cursor, and the errors are those of a cursor.
func (l *Log) ListEvents(ctx context.Context, callConnectionID, pageToken string, limit int, commands bool) (events []*Event, nextToken string, err error) {
	var after uint64
	if pageToken != "" {
		if after, err = l.position(ctx, pageToken); err != nil {
			return nil, "", err
		}
	}
	p, err := l.read(ctx, after, callSubject(callConnectionID, commands), limit)
	if err != nil {
		return nil, "", err
	}
	if p.more {
		nextToken = l.cursor(p.through)
	}
	return p.events, nextToken, nil
}
