package feed_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/bench/stations"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/feed"
	"github.com/weirdata/weir/node/client/feed/hj212"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/leak"
)

// bench is a cluster with a registry of stations, and feeds of it.
type bench struct {
	*clienttest.World
	dir string

	mu  sync.Mutex // guards now
	now time.Time
}

func newBench(t *testing.T) *bench {
	b := &bench{World: clienttest.New(t), dir: t.TempDir(), now: time.Date(2026, 12, 1, 10, 30, 0, 0, time.FixedZone("", 8*3600))}
	_, err := publish.Registry(b.Ctx, b.Client(catalog.RolePublisher), registryOf(4), nil)
	b.Must(err)
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) later(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// running is a feed that runs.
type running struct {
	*feed.Feed
	b     *bench
	dir   string
	stop  context.CancelFunc
	ended chan error
}

// start runs a feed of a dataset with the sources and the rest of a configuration.
func (b *bench) start(dataset, rest string, o feed.Options) *running {
	b.Helper()
	dir := filepath.Join(b.dir, dataset)
	b.Must(os.MkdirAll(dir, 0o700))
	descriptor := strings.Replace(stations.Descriptor(dataset, "stations"), "range: [0, 100000]", "range: [0, 1000000]", 1)
	b.Must(os.WriteFile(filepath.Join(dir, "descriptor.yaml"), []byte(descriptor), 0o600))
	config, err := feed.ParseConfig(filepath.Join(dir, "feed.yaml"), []byte("dataset: "+dataset+"\ndescriptor: descriptor.yaml\ndir: feed\nlateness: 5m\nevery: 1h\ncorrections: {every: 6h, within: 72h}\n"+rest))
	b.Must(err)
	o.Now = b.clock
	f, err := feed.New(b.Spooled(filepath.Join(b.dir, "uploads")), config, o)
	b.Must(err)
	ctx, stop := context.WithCancel(b.Ctx)
	r := &running{Feed: f, b: b, dir: filepath.Join(dir, "feed"), stop: stop, ended: make(chan error, 1)}
	go func() { r.ended <- errors.Join(f.Run(ctx), f.Close()) }()
	select {
	case <-f.Listening():
	case err := <-r.ended:
		// A feed of standard input may have listened and ended by now.
		select {
		case <-f.Listening():
			r.ended <- err
		default:
			b.Fatalf("it ended: %v", err)
		}
	}
	return r
}

// end ends the feed, and is its error.
func (r *running) end() error {
	r.stop()
	return <-r.ended
}

func (r *running) state() feed.State {
	r.b.Helper()
	s, err := feed.ReadState(r.dir)
	r.b.Must(err)
	return s
}

const mapped = `stamp: begin
devices: {D1: station 0001, D2: station 0002}
ignore: {codes: [a01001]}
measures:
  - {measure: nox, code: a21002, command: "2061", field: Avg, unit: mg/m³, take: mean, least: 2}
  - {measure: co, code: a21005, command: "2061", field: Avg, unit: mg/m³, factor: "1000", take: one}
`

// posts sends lines and returns the status and the answer.
func (r *running) posts(token, lines string) (int, string) {
	r.b.Helper()
	q, err := http.NewRequestWithContext(r.b.Ctx, http.MethodPost, "http://"+r.Address("gateway")+"/lines", strings.NewReader(lines))
	r.b.Must(err)
	q.Header.Set("Authorization", "Bearer "+token)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	a, err := client.Do(q)
	r.b.Must(err)
	text, err := io.ReadAll(a.Body)
	r.b.Must(errors.Join(err, a.Body.Close()))
	return a.StatusCode, string(text)
}

// rows are what a buyer gets of a dataset.
func (b *bench) rows(dataset string) []string {
	b.Helper()
	return b.Rows(b.Client(catalog.RolePublisher), stations.Query(dataset))
}

// A period is published once its lateness is over, by the declared rules; what comes later
// waits for the correction; nothing of it leaves the machine in the clear, or lies on it so.
func TestPeriodsArePublishedWhenDueAndCorrectedBySchedule(t *testing.T) {
	b := newBench(t)
	var sent bytes.Buffer
	var mu sync.Mutex
	b.Watch(func(_ int, r *http.Request, body []byte) {
		mu.Lock()
		defer mu.Unlock()
		sent.WriteString(r.URL.String())
		sent.Write(body)
	})
	b.Must(os.MkdirAll(filepath.Join(b.dir, "lines"), 0o700))
	b.Must(os.WriteFile(filepath.Join(b.dir, "lines", "token"), []byte("0123456789abcdef\n"), 0o600))
	r := b.start("lines", mapped+`sources: [{name: gateway, kind: lines, listen: "127.0.0.1:0", format: ndjson, device: mn, time: at, token_file: token}]`+"\n", feed.Options{})
	const token = "0123456789abcdef"
	post := func(want int, lines string) {
		t.Helper()
		if status, text := r.posts(token, lines); status != want {
			t.Errorf("%s: %d %s", lines, status, text)
		}
	}
	if status, _ := r.posts("another-one-that-is-wrong", "{}"); status != http.StatusUnauthorized {
		t.Errorf("with another token: %d", status)
	}
	post(200, `{"mn":"D1","at":"2026-12-01T10:05:00+08:00","a21002":918273.645,"a21005":"1.5","a01001":7}
{"mn":"D1","at":"2026-12-01T02:10:00Z","a21002":918273.640,"a21002-Flag":"N"}
{"mn":"D1","at":"20261201101500","a21002":1,"a21002-Flag":"D"}
{"mn":"D2","at":"2026-12-01 10:05:00","a21002":5,"a21005":2}
`)
	post(400, `{"mn":"D1","at":"2026-12-01T10:20:00+08:00","a21002":2}`+"\n{\n")
	post(400, `{"mn":"D1","at":"soon","a21002":2}`)
	post(400, `{"at":"2026-12-01T10:20:00+08:00","a21002":2}`)
	post(400, `{"mn":"D1","mn":"D2","at":"2026-12-01T10:20:00+08:00"}`)
	post(200, `{"mn":"D1","at":"2026-12-01T12:20:00+08:00","a21002":2}`) // ahead of the clock
	post(200, `{"mn":"D1","at":"2026-11-01T12:20:00+08:00","a21002":2}`) // too late
	post(200, `{"mn":"D1","at":"2026-12-01T10:20:00+08:00","a21002":"n/a"}`)
	b.later(34 * time.Minute) // 11:04
	b.Must(r.Append(b.Ctx))
	if s, err := feed.ReadState(r.dir); err == nil && s.Appends != 0 {
		t.Error("it did not wait for what is late")
	}
	b.later(time.Minute)
	b.Must(r.Append(b.Ctx))
	// D2 has one reading of nox where two are wanted.
	want := []string{"station 0001 2026-12-01T10 918273.642 1500", "station 0002 2026-12-01T10 <nil> 2000"}
	if d := cmp.Diff(want, b.rows("lines")); d != "" {
		t.Errorf("(-want +published)\n%s", d)
	}
	post(200, `{"mn":"D2","at":"2026-12-01T10:50:00+08:00","a21002":6,"a21005":"n/a"}
{"mn":"D1","at":"2026-12-01T10:05:00+08:00","a21005":"1.6"}
`)
	b.Must(r.Append(b.Ctx))
	if d := cmp.Diff(want, b.rows("lines")); d != "" {
		t.Errorf("before its time: %s", d)
	}
	b.later(6 * time.Hour)
	b.Must(r.Append(b.Ctx))
	want = []string{"station 0001 2026-12-01T10 918273.642 1600", "station 0002 2026-12-01T10 5.500 2000"}
	if d := cmp.Diff(want, b.rows("lines")); d != "" {
		t.Errorf("corrected: %s", d)
	}
	// A code that is not listed ends the feed, with the difference, and nothing of it is kept.
	status, text := r.posts(token, `{"mn":"D1","at":"2026-12-01T16:50:00+08:00","a21002":6,"a34004":6}`)
	if status != http.StatusConflict || !strings.Contains(text, "+ code a34004 of device D1") {
		t.Errorf("%d %s", status, text)
	}
	var changed *feed.ChangedError
	if err := <-r.ended; !errors.As(err, &changed) || len(changed.Diff) != 1 {
		t.Errorf("%v", err)
	}
	s := r.state()
	if s.Running || s.Stopped == nil || s.Appends != 2 || s.Appended.Corrections != 2 || s.Kept.New != 7 || s.Kept.Replaced != 1 || len(s.Pending) != 0 {
		t.Errorf("%+v", s)
	}
	if d := cmp.Diff(map[string]int64{"in_the_future": 1, "too_late": 1, "no_number": 2, "ignored_code": 1}, s.PassedOver); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]int64{"few": 1}, s.Unpublished); d != "" {
		t.Error(d)
	}

	needles := append(leak.NumberForms("a reading", 918273645), leak.Forms("a reading as it came", []byte("918273.645"))...)
	needles = append(needles, leak.NumberForms("a cell", 918273642)...)
	needles = append(needles, leak.Forms("a cell as it is published", []byte("918273.642"))...)
	mu.Lock()
	places := []leak.Place{{Name: "what was sent to the nodes", Bytes: bytes.Clone(sent.Bytes())}}
	mu.Unlock()
	for _, pattern := range []string{"lines/feed/*", "lines/feed/spool/*", "uploads/*"} {
		names, err := filepath.Glob(filepath.Join(b.dir, pattern))
		b.Must(err)
		for _, name := range names {
			if text, err := os.ReadFile(name); err == nil {
				places = append(places, leak.Place{Name: name, Bytes: text})
			}
		}
	}
	if len(places) < 6 || sent.Len() < 100_000 {
		t.Errorf("%d places, %d bytes", len(places), sent.Len())
	}
	if found := leak.Search(places, needles); len(found) > 0 {
		t.Error(found)
	}
	leak.MustFindAll(t, "a text with all of it", []leak.Place{{Name: "planted", Bytes: leak.Planted(needles)}}, needles)
	leak.Private(t, r.dir)
}

// Files are taken by the descriptor, and moved; a wrong one with its reason; one with another
// header ends the feed with the difference, until somebody says that it is right.
func TestFilesOfADirectoryAreTakenOrSetAsideWithTheReason(t *testing.T) {
	b := newBench(t)
	in := filepath.Join(b.dir, "files", "in")
	put := func(name, text string) {
		t.Helper()
		b.Must(os.MkdirAll(in, 0o700))
		b.Must(os.WriteFile(filepath.Join(in, name), []byte(text), 0o600))
	}
	gone := func(name string) {
		t.Helper()
		for n := 0; ; n++ {
			if _, err := os.Stat(filepath.Join(in, name)); errors.Is(err, os.ErrNotExist) {
				return
			}
			if client.Pause(b.Ctx, 10*time.Millisecond) != nil || n > 3000 {
				t.Fatalf("%s is still there", name)
			}
		}
	}
	source := `sources: [{name: laboratory, kind: directory, path: in, settle: 30ms}]` + "\n"
	r := b.start("files", source, feed.Options{})
	put("a.csv", "station,hour,NOX,CO\nstation 0001,2026-12-01T08,1.25,10\nstation 0002,2026-12-01T08,2.0005,\n")
	gone("a.csv")
	put("b.csv", "station,hour,NOX,CO\nstation 0009,2026-12-01T08,1.25,10\n")
	gone("b.csv")
	put("a.csv", "station,hour,NOX,CO\nstation 0001,2026-12-01T09,3,11\n") // a name that was there
	gone("a.csv")
	for _, name := range []string{"done/a.csv", "done/a-2.csv", "failed/b.csv"} {
		if _, err := os.Stat(filepath.Join(in, name)); err != nil {
			t.Error(err)
		}
	}
	reason, err := os.ReadFile(filepath.Join(in, "failed", "b.csv.reason.txt"))
	if err != nil || !strings.Contains(string(reason), "b.csv:2: column station:") {
		t.Errorf("%s, %v", reason, err)
	}
	b.Must(r.Append(b.Ctx))
	want := []string{"station 0001 2026-12-01T08 1.250 10", "station 0001 2026-12-01T09 3.000 11", "station 0002 2026-12-01T08 2.000 <nil>"}
	if d := cmp.Diff(want, b.rows("files")); d != "" {
		t.Errorf("(-files +published)\n%s", d)
	}
	put("c.csv", "station,hour,NOX,CO2\nstation 0001,2026-12-01T09,3,11\n")
	var changed *feed.ChangedError
	if err := <-r.ended; !errors.As(err, &changed) {
		t.Fatalf("%v", err)
	}
	if d := cmp.Diff([]string{"- CO", "+ CO2"}, changed.Diff); d != "" {
		t.Error(d)
	}
	b.Must(os.WriteFile(filepath.Join(in, "c.csv"), []byte("station,hour,NOX,CO,CO2\nstation 0001,2026-12-01T09,4,11,7\n"), 0o600))
	r = b.start("files", source, feed.Options{NewHeader: true})
	gone("c.csv")
	b.Must(r.end())
}

// caller is a device's connection.
type caller struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (r *running) call(t *testing.T) *caller {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.Address("chimneys"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // it may be closed
	return &caller{t, conn, bufio.NewReader(conn)}
}

func (c *caller) send(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// hears is the next answer: its command and QN; empty at the end of the connection.
func (c *caller) hears() string {
	c.t.Helper()
	line, err := c.in.ReadString('\n')
	if err != nil {
		return ""
	}
	var got string
	d := hj212.NewDecoder(hj212.Options{CRC: hj212.CRCSwapped})
	d.Feed([]byte(line), func(f hj212.Frame) { got = f.CN + " " + f.QN[14:] })
	return got
}

// What devices may do is answered as the standard has it: resends, packets, encryption, clocks,
// heartbeats, garbage; and a device that is not listed ends the feed, unanswered.
func TestDevicesAreAnsweredOnceWhatTheySendIsKept(t *testing.T) {
	b := newBench(t)
	dir := filepath.Join(b.dir, "frames")
	b.Must(os.MkdirAll(dir, 0o700))
	raw := bytes.Repeat([]byte{0x30}, 16)
	b.Must(os.WriteFile(filepath.Join(dir, "keys"), []byte("* "+hex.EncodeToString(raw)+"\n"), 0o600))
	key, err := hj212.NewKey(raw)
	b.Must(err)
	device := stations.Device(1)
	r := b.start("frames", strings.Replace(mapped, "D1", device, 1)+
		`sources: [{name: chimneys, kind: hj212, listen: "127.0.0.1:0", crc: swapped, sm4_keys: keys, set_clock: true}]`+"\n", feed.Options{})
	frame := func(n int, command, region string) hj212.Frame {
		return hj212.Frame{QN: fmt.Sprintf("20261201101500%03d", n), ST: "31", CN: command, PW: "123456", MN: device, Flag: 9, Region: []byte(region)}
	}
	c := r.call(t)
	encode := func(f hj212.Frame) []byte { return f.Encode(hj212.CRCSwapped, nil) }
	hour := frame(1, "2061", "DataTime=20261201100000;a21005-Avg=1.5,a21005-Flag=N;a21002-Avg=7,a21002-Flag=N")
	first := frame(2, "2061", "DataTime=20261201100500;a21002-Avg=8,a21002-Flag=N")
	first.Flag, first.Packets, first.Packet = 11, 2, 1
	second := frame(2, "2061", "a01001-Avg=8,a01001-Flag=N")
	second.Flag, second.Packets, second.Packet = 11, 2, 2
	quiet := frame(6, "2011", "DataTime=20261201100000;a21002-Rtd=7")
	quiet.Flag = 8
	for _, step := range []struct {
		send []byte
		want []string
	}{
		{append([]byte("garbage##0100"), encode(hour)...), []string{"9014 001"}},
		{encode(hour), []string{"9014 001"}}, // sent again
		{hour.Encode(hj212.CRCSwapped, key), []string{"9014 001"}},
		{encode(second), nil}, // waits for the time
		{encode(first), []string{"9014 002", "9014 002"}},
		{encode(frame(3, "9015", "")), []string{"9013 003"}},
		{encode(frame(4, "1013", "PolId=w01018")), []string{"9013 004", "1012 000"}},
		{append(encode(quiet), encode(frame(7, "2011", "DataTime=20261201100000;a99999-Rtd=7"))...), []string{"9014 007"}},
		{hour.Encode(hj212.CRCStandard, nil), nil}, // by another reading: no frame
		{encode(frame(8, "2061", "DataTime=2026;a21002-Avg=7")), nil},
		{encode(frame(9, "2061", "a21002-Avg")), nil},
		{encode(frame(10, "9015", "")), []string{"9013 010"}},
	} {
		c.send(step.send)
		for _, want := range step.want {
			if got := c.hears(); got != want {
				t.Fatalf("%q: answered %s, want %s", step.send, got, want)
			}
		}
	}
	stranger := hour
	stranger.MN = stations.Device(3)
	c.send(encode(stranger))
	if got := c.hears(); got != "" {
		t.Errorf("a stranger is answered: %s", got)
	}
	var changed *feed.ChangedError
	if err := <-r.ended; !errors.As(err, &changed) || !strings.HasPrefix(changed.Diff[0], "+ device "+stranger.MN) {
		t.Fatalf("%v", err)
	}
	s := r.state()
	x := s.Sources["chimneys"]
	if s.Kept.New != 3 || s.Kept.Same != 4 || x.Taken != 13 || x.Resent != 2 || x.Answered != 9 || x.Commands["2011"] != 2 || s.PassedOver["ignored_code"] != 1 {
		t.Errorf("%+v, %+v, %v", s.Kept, x, s.PassedOver)
	}
	if d := cmp.Diff(map[string]int64{"garbage": x.Faults["garbage"], "crc_other": 1, "time": 1, "region": 1}, x.Faults); d != "" || x.Faults["garbage"] < 13 {
		t.Error(d)
	}
	// Passed over, a stranger is answered, and counted.
	r = b.start("frames", "unknown: {devices: ignore}\n"+strings.Replace(mapped, "D1", device, 1)+
		`sources: [{name: chimneys, kind: hj212, listen: "127.0.0.1:0", crc: swapped}]`+"\n", feed.Options{})
	c = r.call(t)
	c.send(encode(stranger))
	if got := c.hears(); got != "9014 001" {
		t.Errorf("answered %s", got)
	}
	b.Must(r.end())
	if n := r.state().PassedOver["unknown_device"]; n != 1 {
		t.Errorf("%d", n)
	}
}

// A feed of standard input ends with it, and what is not due stays for the next time. More
// decimals than are declared end it.
func TestStandardInputIsTakenToItsEnd(t *testing.T) {
	b := newBench(t)
	source := `sources: [{kind: stdin, format: csv, device: mn, time: at}]` + "\n"
	input := func(text string) feed.Options { return feed.Options{Stdin: strings.NewReader(text)} }
	r := b.start("piped", mapped+source, input("mn,at,a21002,a21005\nD1,2026-12-01T09:10:00+08:00,1,2\nD1,bad,1,2\nD1,2026-12-01T09:40:00+08:00,2,\nD1,2026-12-01T10:10:00+08:00,3,4\n"))
	b.Must(<-r.ended)
	s := r.state()
	if s.Appends != 1 || len(s.Pending) != 1 || s.Pending[0].Period != "2026-12-01T10" || s.Sources["stdin"].Faults["line"] != 1 {
		t.Errorf("%+v", s)
	}
	if d := cmp.Diff([]string{"station 0001 2026-12-01T09 1.500 2000"}, b.rows("piped")); d != "" {
		t.Error(d)
	}
	r = b.start("piped", mapped+source, input("mn,at,a21005\nD1,2026-12-01T10:10:00+08:00,0.00001\n"))
	var changed *feed.ChangedError
	if err := <-r.ended; !errors.As(err, &changed) || !strings.Contains(changed.Fix, "round: half_even for measure co") {
		t.Errorf("%v", err)
	}
}
