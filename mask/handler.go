package mask

import (
	"context"
	"fmt"
	"log/slog"
)

// Handler hands log records on to next with Text made of all that they say.
func Handler(next slog.Handler) slog.Handler { return handler{next} }

type handler struct {
	next slog.Handler
}

// Enabled implements slog.Handler.
func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h handler) Handle(ctx context.Context, record slog.Record) error {
	masked := slog.NewRecord(record.Time, record.Level, Text(record.Message), record.PC)
	attrs := make([]slog.Attr, 0, 24) // on the stack, and most fit
	record.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, attr(a))
		return true
	})
	masked.AddAttrs(attrs...)
	return h.next.Handle(ctx, masked)
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.next.WithAttrs(all(attrs))}
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler { return handler{h.next.WithGroup(name)} }

func all(attrs []slog.Attr) []slog.Attr {
	masked := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		masked[i] = attr(a)
	}
	return masked
}

func attr(a slog.Attr) slog.Attr {
	value := a.Value.Resolve()
	switch value.Kind() {
	case slog.KindString:
		return slog.String(a.Key, Text(value.String()))
	case slog.KindGroup:
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(all(value.Group())...)}
	case slog.KindAny:
		// As it is, if there is nothing to hide, so that it keeps its form.
		said := fmt.Sprintf("%+v", value.Any())
		if masked := Text(said); masked != said {
			return slog.String(a.Key, masked)
		}
	}
	return slog.Attr{Key: a.Key, Value: value}
}
