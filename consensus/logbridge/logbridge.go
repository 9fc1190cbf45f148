// Package logbridge lets the libraries under the ledger write to a slog.Logger. What they log is
// indexes, terms, ids and addresses; entries and states are never among it.
package logbridge

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/hashicorp/go-hclog"
)

// New returns the logger of a component, for raft and its log store. It asks for the level
// that l has now.
func New(l *slog.Logger, name string) hclog.Logger {
	level := hclog.Off
	for h := hclog.Error; h >= hclog.Trace; h-- {
		if l.Enabled(context.Background(), slogLevel(h)) {
			level = h
		}
	}
	out := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: name, Level: level, Output: io.Discard})
	out.RegisterSink(sink{l.With(slog.String("component", name)), name})
	return out
}

// sink is where hclog's messages end up.
type sink struct {
	logger *slog.Logger
	name   string
}

// Accept implements [hclog.SinkAdapter]. args are keys and values in turn.
func (s sink) Accept(name string, level hclog.Level, msg string, args ...any) {
	ctx, l := context.Background(), slogLevel(level)
	if level == hclog.Off || !s.logger.Enabled(ctx, l) {
		return
	}
	attrs := make([]slog.Attr, 0, len(args)/2+2)
	if name != s.name {
		attrs = append(attrs, slog.String("part", name))
	}
	for ; len(args) > 1; args = args[2:] {
		attrs = append(attrs, attr(fmt.Sprint(args[0]), args[1]))
	}
	if len(args) == 1 {
		attrs = append(attrs, slog.String("extra", fmt.Sprint(args[0])))
	}
	s.logger.LogAttrs(ctx, l, msg, attrs...)
}

// traceLevel is where hclog's Trace ends up: below slog's Debug.
const traceLevel = slog.LevelDebug - 4

func slogLevel(l hclog.Level) slog.Level {
	switch l {
	case hclog.Trace:
		return traceLevel
	case hclog.Debug:
		return slog.LevelDebug
	case hclog.Warn:
		return slog.LevelWarn
	case hclog.Error:
		return slog.LevelError
	default:
		return slog.LevelInfo
	}
}

func attr(key string, value any) slog.Attr {
	switch v := value.(type) {
	case hclog.Format:
		if len(v) == 0 {
			return slog.String(key, "")
		}
		return slog.String(key, fmt.Sprintf(fmt.Sprint(v[0]), v[1:]...))
	case error:
		return slog.String(key, v.Error())
	case fmt.Stringer:
		return slog.String(key, v.String())
	}
	return slog.Any(key, value)
}

// Badger is badger's logger. Its Info is about the course of compactions, so that it is our
// Debug.
type Badger struct{ Logger *slog.Logger }

func (b Badger) logf(l slog.Level, format string, args []any) {
	if ctx := context.Background(); b.Logger.Enabled(ctx, l) {
		b.Logger.Log(ctx, l, strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
}

// Errorf implements badger.Logger.
func (b Badger) Errorf(format string, args ...any) { b.logf(slog.LevelError, format, args) }

// Warningf implements badger.Logger.
func (b Badger) Warningf(format string, args ...any) { b.logf(slog.LevelWarn, format, args) }

// Infof implements badger.Logger.
func (b Badger) Infof(format string, args ...any) { b.logf(slog.LevelDebug, format, args) }

// Debugf implements badger.Logger.
func (b Badger) Debugf(format string, args ...any) { b.logf(traceLevel, format, args) }
