package publisher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client/feed"
)

// NewFeedCommand returns the command that publishes what comes all the time.
func NewFeedCommand(a *cli.App) *cobra.Command {
	return cli.Group(cli.ForPublishers, "feed", "publish what devices send, as it comes", "  weir feed run --config feed.yaml --dir /tmp/weir",
		newFeedRunCommand(a), newFeedStatusCommand(a), newFeedConfigCommand(a))
}

func newFeedConfigCommand(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:     "config",
		Short:   "print a configuration file with every field and its meaning",
		Long:    "Print a configuration for weir feed run --config, with every field and what it means.",
		Example: "  weir feed config > feed.yaml",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := io.WriteString(a.Stdout, feed.Example)
			return err
		},
	}
}

func newFeedRunCommand(a *cli.App) *cobra.Command {
	var config string
	var o feed.Options
	cmd := &cobra.Command{
		Use:   "run --config FILE",
		Short: "take readings and publish them until it is interrupted",
		Long: `Takes readings from devices (HJ 212 over TCP), lines, files of a directory and rows of a
table, keeps them on disk, sealed, before it says that it has them, and appends every
period to the dataset once it has ended and its lateness is over. Readings that come
later, or change, are appended as corrections by a schedule.

What comes and is not as the configuration says, a device or a code that is not listed
or a file with another header, ends it with status 1 and the difference. Whatever else
is not published is counted: see weir feed status.

It may be killed at any time: it goes on where it was. Nothing leaves this machine but
what weir dataset append sends.`,
		Example: "  weir feed run --config /etc/weir/feed.yaml --key bureau.key",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if config == "" {
				return cli.Usagef(cmd, "name the configuration with --config FILE; `weir feed config` prints one")
			}
			o.Stdin, o.Note = a.Stdin, a.Note
			return runFeed(cmd.Context(), a, config, o)
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "the configuration `file`")
	cmd.Flags().BoolVar(&o.NewHeader, "new-header", false, "take a changed header of a file as the one to expect from now on")
	return cli.CompleteFiles(cmd, "yaml", "yml")
}

func runFeed(ctx context.Context, a *cli.App, path string, o feed.Options) error {
	config, err := feed.ReadConfig(path)
	if err != nil {
		return err
	}
	c, err := connectPublisher(a)
	if err != nil {
		return err
	}
	defer c.Close()
	f, err := feed.New(c, config, o)
	if err != nil {
		return err
	}
	a.IfInterrupted("what was acknowledged is kept in %s, and the same command goes on from there", config.Dir)
	return errors.Join(f.Run(ctx), f.Close())
}

func newFeedStatusCommand(a *cli.App) *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use:   "status --config FILE",
		Short: "show what a feed took, published and passed over",
		Long: `Shows what the feed of a configuration tells of itself, running or not: of each source
the last message and what was wrong or taken leniently, which periods wait, what was
appended last, and what was passed over and why. It has no readings.`,
		Example: "  weir feed status --config /etc/weir/feed.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if config == "" {
				return cli.Usagef(cmd, "name the configuration with --config FILE")
			}
			s, err := feed.StateOf(config)
			if err != nil {
				return err
			}
			return a.Print(s, feedTable(s))
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "the configuration `file`")
	return cli.CompleteFiles(cmd, "yaml", "yml")
}

// counted writes counts by kind.
func counted(counts map[string]int64) string {
	var list []string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%s %d", k, counts[k]))
	}
	return strings.Join(list, ", ")
}

func feedTable(s feed.State) term.Table {
	t := term.Table{Head: []string{"what", "value"}}
	t.Add("dataset", s.Dataset)
	switch {
	case s.Running:
		t.Add("state", fmt.Sprintf("running since %s, process %d", cli.FormatTime(s.Started.UnixMilli()), s.PID))
	case s.Stopped != nil:
		t.Add("state", fmt.Sprintf("stopped %s", cli.FormatTime(s.Stopped.At.UnixMilli())))
		t.Add("why", strings.ReplaceAll(s.Stopped.What, "\n", " "))
	default:
		t.Add("state", "not running, last seen "+cli.FormatTime(s.Written.UnixMilli()))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Sources)) {
		x := s.Sources[name]
		text := x.Kind
		if x.Address != "" {
			text += " on " + x.Address
		}
		text += fmt.Sprintf(": %d taken", x.Taken)
		if !x.Last.IsZero() {
			text += ", the last one " + cli.FormatTime(x.Last.UnixMilli())
		}
		if x.Devices > 0 {
			text += fmt.Sprintf(", of %s, %d connected", english.Plural(x.Devices, "device", "devices"), x.Open)
		}
		t.Add("source "+name, text)
		t.AddIf(x.Answered+x.Resent > 0, "", fmt.Sprintf("answered: %d; sent again: %d", x.Answered, x.Resent))
		t.AddIf(len(x.Commands) > 0, "", "commands: "+counted(x.Commands))
		t.AddIf(len(x.Flags) > 0, "", "flags: "+counted(x.Flags))
		t.AddIf(len(x.Leniences) > 0, "", "taken leniently: "+counted(x.Leniences))
		t.AddIf(len(x.Faults) > 0, "", "faults: "+counted(x.Faults))
		if x.Error != nil {
			t.Add("", "last error: "+strings.ReplaceAll(x.Error.What, "\n", " "))
		}
	}
	t.Add("readings kept", fmt.Sprintf("%d, of which %d took the place of others; %d came again", s.Kept.New+s.Kept.Replaced, s.Kept.Replaced, s.Kept.Same))
	for _, why := range slices.Sorted(maps.Keys(s.PassedOver)) {
		t.Add("passed over", fmt.Sprintf("%s: %d, such as %s", why, s.PassedOver[why], s.Examples[why]))
	}
	for _, why := range slices.Sorted(maps.Keys(s.Unpublished)) {
		t.Add("cells without value", fmt.Sprintf("%s: %d, such as %s", why, s.Unpublished[why], s.Examples[why]))
	}
	for i, p := range s.Pending {
		if i == mostPending {
			t.Add("waiting", fmt.Sprintf("%d more periods", len(s.Pending)-i))
			break
		}
		t.Add("waiting", fmt.Sprintf("%s: %s, due %s", p.Period, english.Plural(p.Cells, "cell", "cells"), cli.FormatTime(p.Due.UnixMilli())))
	}
	t.AddIf(!s.NextCorrection.IsZero(), "next correction", fmt.Sprintf("%s: %s so far", cli.FormatTime(s.NextCorrection.UnixMilli()), english.Plural(s.Late, "cell", "cells")))
	if x := s.Appended; x != nil {
		t.Add("appended last", fmt.Sprintf("version %s at %s: %s", strconv.Itoa(x.Version), cli.FormatTime(x.At.UnixMilli()), strings.Join(x.Periods, ", ")))
	}
	if s.Error != nil {
		t.Add("last error", fmt.Sprintf("%s: %s", cli.FormatTime(s.Error.At.UnixMilli()), strings.ReplaceAll(s.Error.What, "\n", " ")))
	}
	t.AddIf(s.Torn > 0, "dropped", fmt.Sprintf("%d bytes that were half-written when the feed was killed", s.Torn))
	return t
}

// mostPending is how many periods that wait are listed.
const mostPending = 5
