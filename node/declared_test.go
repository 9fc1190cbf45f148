package node

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/publish"
)

// What a publisher declares is held against presence: by each node as it stores the
// version, cell by cell, and by all as it goes live. A version that lies is rejected with
// the code and what it is about, and figures stay. What nobody can check is which values
// changed: that is the publisher's word on its own readings.
func TestDeclarationsThatContradictPresenceAreRejected(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	if _, err := publish.Publish(ctx, bureau, prepareText(ctx, t, dailyDescriptor, []byte(dailyCSV(0, 31, all)), nil), nil); err != nil {
		t.Fatal(err)
	}
	// A day of station 0 is missing: who is present and who counts by months is as before.
	csv := strings.Replace(dailyCSV(0, 31, all), "s0,c0,2024-01-08,7\n", "", 1)
	lacking := prepareText(ctx, t, dailyDescriptor, []byte(csv), nil)
	// Station 1 has fewer than half of the days.
	gone := prepareText(ctx, t, dailyDescriptor, []byte(dailyCSV(0, 14, all)+strings.TrimPrefix(dailyCSV(14, 31, func(s int) bool { return s != 1 }), "station,county,day,NO2\n")), nil)
	january := calendar.Day.In(lacking.Panel.First, calendar.Month)
	classes := func(v int, list ...int32) []catalog.SourceNews {
		return []catalog.SourceNews{{Column: 0, Period: january, Equal: []catalog.EqualClasses{{Version: v, Classes: list}}}}
	}
	news := func(bits byte) []catalog.SourceNews {
		return []catalog.SourceNews{{Column: 0, Period: january, News: []byte{bits}}}
	}
	for _, x := range []struct {
		name     string
		prepared *publish.Prepared
		news     []catalog.SourceNews
		reason   string
	}{
		{"an equal class with another cell", lacking, classes(1, 0), ": node.equal_presence(0, 1, 0, 648, 0)"},
		{"a class that is not there", lacking, classes(1, 3), ": node.equal_unknown(3, 1, 0, 648)"},
		{"a version that never went live", lacking, classes(2, 1), ": node.equal_unknown(1, 2, 0, 648)"},
		{"news of one who does not count", gone, news(1<<1 | 1<<4), "version.news: declared.counts(0, 648, 1)"},
		{"news in a class that is equal", lacking, []catalog.SourceNews{{Column: 0, Period: january, News: []byte{1 << 1}, Equal: classes(1, 1)[0].Equal}}, "version.news: declared.both(0, 648, 1, 1, 1)"},
	} {
		v := c.declare(ctx, t, bureau, x.prepared, x.news, 1)
		if v.State != catalog.VersionRejected || !strings.HasSuffix(v.Reason.String(), x.reason) {
			t.Errorf("%s: version %d is %s: %s", x.name, v.Version, v.State, v.Reason)
		}
	}
	// News that was found before a related version settled was not held against that one.
	v := c.declare(ctx, t, bureau, lacking, news(1), 0)
	if v.State != catalog.VersionRejected || v.Reason.String() != "version.outdated(daily, 1)" {
		t.Errorf("outdated news: version %d is %s: %s", v.Version, v.State, v.Reason)
	}
	if v := c.declare(ctx, t, bureau, lacking, classes(1, 1, 2), 0); v.State != catalog.VersionLive {
		t.Fatalf("what is equal indeed: version %d is %s: %s", v.Version, v.State, v.Reason)
	}
	r, err := ask.Query(ctx, bureau, dailySQL, ask.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, row := range r.Table.Rows {
		rows = append(rows, strings.TrimSpace(fmt.Sprintln(row...)))
	}
	if d := cmp.Diff(dailyTruth(31, every), rows); d != "" {
		t.Errorf("(-plaintext of version 1 +answer)\n%s", d)
	}
}

// declare publishes a version that declares whatever it is told to, found when so many
// versions were settled.
func (c *cluster) declare(ctx context.Context, t *testing.T, publisher *client.Client, p *publish.Prepared, news []catalog.SourceNews, settled int) catalog.Version {
	t.Helper()
	d := p.Source.Descriptor
	key, err := publisher.ReadyKey(ctx, publisher.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	propose := c.uploadRaw(ctx, t, p, key.Record, key.Public)
	counts, err := p.Panel.Counts(d)
	if err != nil {
		t.Fatal(err)
	}
	propose.Counts, propose.Closed, propose.News, propose.Settled = counts.Digest(), propose.MayClose(d), catalog.NewsDigest(news), settled
	submit := func(kind catalog.Kind, body any) int {
		t.Helper()
		done, err := publisher.Submit(ctx, kind, body)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		return done.Outcome.Version
	}
	version := submit(catalog.KindVersionPropose, propose)
	chunks, err := counts.Chunks(version)
	if err != nil {
		t.Fatal(err)
	}
	for _, chunk := range chunks {
		submit(catalog.KindVersionCounts, chunk)
	}
	for _, chunk := range catalog.NewsChunks(d.Dataset, version, news) {
		submit(catalog.KindVersionNews, chunk)
	}
	submit(catalog.KindVersionCommit, catalog.VersionCommit{Dataset: d.Dataset, Version: version})
	return c.awaitVerdict(ctx, t, publisher, d.Dataset, version)
}
