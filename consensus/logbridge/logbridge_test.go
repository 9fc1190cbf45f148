package logbridge_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/weirdata/weir/consensus/logbridge"
)

func TestRaftsLogsKeepTheirLevels(t *testing.T) {
	var b bytes.Buffer
	h := slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelInfo})
	l := logbridge.New(slog.New(h), "raft")
	l.Debug("hidden")
	l.Trace("hidden")
	l.Info("shown", "peer", "n2", "format", hclog.Fmt("%d of %d", 1, 2), "odd")
	l.With("a", 1).Named("sub").Warn("warned", "error", errors.New("broken"))
	l.Log(hclog.Off, "hidden")
	out := b.String()
	if strings.Contains(out, "hidden") {
		t.Errorf("a level was not honoured:\n%s", out)
	}
	for _, want := range []string{
		`level=INFO msg=shown component=raft peer=n2 format="1 of 2" extra=odd`,
		`level=WARN msg=warned component=raft part=raft.sub a=1 error=broken`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if l.IsDebug() || !l.IsInfo() || l.GetLevel() != hclog.Info {
		t.Errorf("level %s", l.GetLevel())
	}
	b.Reset()
	logbridge.Badger{Logger: slog.New(h)}.Warningf("compaction %d\n", 7)
	logbridge.Badger{Logger: slog.New(h)}.Infof("chatter")
	if got := b.String(); !strings.Contains(got, `level=WARN msg="compaction 7"`) || strings.Contains(got, "chatter") {
		t.Errorf("badger logged %s", got)
	}
}
