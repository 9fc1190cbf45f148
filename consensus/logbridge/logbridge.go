// Package logbridge lets the libraries under the ledger write to a slog.Logger. What they log is
// indexes, terms, ids and addresses; entries and states are never among it.
package logbridge

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"strings"

	"github.com/hashicorp/go-hclog"
)

// bridge is the hclog.Logger of raft and its log store.
type bridge struct {
	logger  *slog.Logger
	name    string
	implied []any
}

var _ hclog.Logger = (*bridge)(nil)

// New returns the logger of a component.
func New(l *slog.Logger, name string) hclog.Logger {
	return &bridge{logger: l.With(slog.String("component", name)), name: name}
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
	case hclog.NoLevel, hclog.Info, hclog.Off:
		return slog.LevelInfo
	}
	return slog.LevelInfo
}

func (b *bridge) enabled(l slog.Level) bool {
	return b.logger.Enabled(context.Background(), l)
}

// Log implements [hclog.Logger].
func (b *bridge) Log(level hclog.Level, msg string, args ...any) {
	l := slogLevel(level)
	if level == hclog.Off || !b.enabled(l) {
		return
	}
	b.logger.LogAttrs(context.Background(), l, msg, attrs(args)...)
}

// attrs turns alternating keys and values into attributes.
func attrs(args []any) []slog.Attr {
	out := make([]slog.Attr, 0, (len(args)+1)/2)
	for len(args) > 0 {
		key := fmt.Sprint(args[0])
		if len(args) == 1 {
			return append(out, slog.String("extra", key))
		}
		out = append(out, attr(key, args[1]))
		args = args[2:]
	}
	return out
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

// Trace implements [hclog.Logger].
func (b *bridge) Trace(msg string, args ...any) { b.Log(hclog.Trace, msg, args...) }

// Debug implements [hclog.Logger].
func (b *bridge) Debug(msg string, args ...any) { b.Log(hclog.Debug, msg, args...) }

// Info implements [hclog.Logger].
func (b *bridge) Info(msg string, args ...any) { b.Log(hclog.Info, msg, args...) }

// Warn implements [hclog.Logger].
func (b *bridge) Warn(msg string, args ...any) { b.Log(hclog.Warn, msg, args...) }

// Error implements [hclog.Logger].
func (b *bridge) Error(msg string, args ...any) { b.Log(hclog.Error, msg, args...) }

// IsTrace implements [hclog.Logger].
func (b *bridge) IsTrace() bool { return b.enabled(traceLevel) }

// IsDebug implements [hclog.Logger].
func (b *bridge) IsDebug() bool { return b.enabled(slog.LevelDebug) }

// IsInfo implements [hclog.Logger].
func (b *bridge) IsInfo() bool { return b.enabled(slog.LevelInfo) }

// IsWarn implements [hclog.Logger].
func (b *bridge) IsWarn() bool { return b.enabled(slog.LevelWarn) }

// IsError implements [hclog.Logger].
func (b *bridge) IsError() bool { return b.enabled(slog.LevelError) }

// ImpliedArgs implements [hclog.Logger].
func (b *bridge) ImpliedArgs() []any { return b.implied }

// With implements [hclog.Logger].
func (b *bridge) With(args ...any) hclog.Logger {
	with := make([]any, 0, len(args))
	for _, a := range attrs(args) {
		with = append(with, a)
	}
	return &bridge{
		logger:  b.logger.With(with...),
		name:    b.name,
		implied: append(append([]any{}, b.implied...), args...),
	}
}

// Name implements [hclog.Logger].
func (b *bridge) Name() string { return b.name }

// Named implements [hclog.Logger].
func (b *bridge) Named(name string) hclog.Logger {
	return b.ResetNamed(b.name + "." + name)
}

// ResetNamed implements [hclog.Logger].
func (b *bridge) ResetNamed(name string) hclog.Logger {
	return &bridge{logger: b.logger.With(slog.String("part", name)), name: name, implied: b.implied}
}

// SetLevel implements [hclog.Logger]. The slog handler decides instead.
func (b *bridge) SetLevel(hclog.Level) {}

// GetLevel implements [hclog.Logger].
func (b *bridge) GetLevel() hclog.Level {
	for _, l := range []hclog.Level{hclog.Trace, hclog.Debug, hclog.Info, hclog.Warn, hclog.Error} {
		if b.enabled(slogLevel(l)) {
			return l
		}
	}
	return hclog.Off
}

// StandardLogger implements [hclog.Logger].
func (b *bridge) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return slog.NewLogLogger(b.logger.Handler(), slog.LevelInfo)
}

// StandardWriter implements [hclog.Logger].
func (b *bridge) StandardWriter(opts *hclog.StandardLoggerOptions) io.Writer {
	return b.StandardLogger(opts).Writer()
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
