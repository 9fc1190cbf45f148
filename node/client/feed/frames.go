package feed

import (
	"bufio"
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/feed/hj212"
	"github.com/weirdata/weir/node/client/feed/spool"
)

const (
	// pauseLimit is after what silence the beginning of a frame is looked behind.
	pauseLimit = 2 * time.Second
	// answerLimit is how long a device may take to read an answer.
	answerLimit = 10 * time.Second
	// maxConnections bounds the devices that are connected at once.
	maxConnections = 20_000
	// recentFrames is how many frames are remembered to tell those that are sent again.
	recentFrames = 1 << 16
	// maxHeld bounds the packets of a connection that wait for the first of their message.
	maxHeld = 64
)

// frames is a source of HJ 212.
type frames struct {
	opened
	options  hj212.Options
	listener net.Listener
	recent   *lru.Cache[string, [sha256.Size]byte] // key of a frame and what was in it
	taken    map[string]bool                       // commands of which something is taken

	mu      sync.Mutex // guards devices
	devices map[string]bool
}

// listenForFrames listens for devices.
func listenForFrames(ctx context.Context, o opened) (func(context.Context) error, error) {
	s := o.source
	crc, err := hj212.ParseCRC(s.CRC)
	if err != nil {
		return nil, err
	}
	x := &frames{opened: o, options: hj212.Options{CRC: crc, Lenient: s.Lenient}, taken: map[string]bool{}, devices: map[string]bool{}}
	if s.SM4Keys != "" {
		keys, err := readSM4Keys(s.SM4Keys)
		if err != nil {
			return nil, err
		}
		x.options.Key = func(mn string) cipher.Block {
			if k, ok := keys[mn]; ok {
				return k
			}
			return keys["*"]
		}
	}
	for _, m := range o.config.Measures {
		x.taken[m.Command] = true
	}
	if x.recent, err = lru.New[string, [sha256.Size]byte](recentFrames); err != nil {
		return nil, err
	}
	if x.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", s.Listen); err != nil {
		return nil, fmt.Errorf("source %s: %w", s.Name, err)
	}
	o.listens(s.Name, x.listener.Addr().String())
	return x.run, nil
}

// readSM4Keys reads a file of lines of a device and its key in hexadecimal; the device *
// stands for all others.
func readSM4Keys(name string) (map[string]cipher.Block, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("read the keys of devices: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others: chmod 600 %s", name, name)
	}
	b, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return nil, fmt.Errorf("read the keys of devices: %w", err)
	}
	defer clear(b)
	keys := map[string]cipher.Block{}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		wrong := func(what string) error {
			return fmt.Errorf("%s:%d: %s; want a device and its key of 32 hexadecimal digits, parted by a blank", name, n, what)
		}
		if len(fields) != 2 {
			return nil, wrong(fmt.Sprintf("has %d words", len(fields)))
		}
		if keys[fields[0]] != nil {
			return nil, wrong("device " + fields[0] + " has a key already")
		}
		raw, err := hex.DecodeString(fields[1])
		if err != nil {
			return nil, wrong("the key is not hexadecimal")
		}
		if keys[fields[0]], err = hj212.NewKey(raw); err != nil {
			return nil, wrong(err.Error())
		}
		clear(raw)
	}
	return keys, nil
}

// run takes connections until the context ends.
func (x *frames) run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = x.listener.Close() })() // nothing more comes from it
	var connections sync.WaitGroup
	defer connections.Wait()
	places := make(chan struct{}, connectionLimit())
	for {
		conn, err := x.listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
				continue
			}
			if !isFull(err) {
				return fmt.Errorf("take connections: %w", err)
			}
			x.tooMany()
			if client.Pause(ctx, fullPause) != nil {
				return nil
			}
			continue
		}
		select {
		case places <- struct{}{}:
		default:
			x.tooMany()
			_ = conn.Close() // the device comes again
			continue
		}
		connections.Go(func() {
			defer func() { <-places }()
			x.tell(func(s *SourceState) { s.Open++ })
			err := x.serve(ctx, conn)
			x.tell(func(s *SourceState) { s.Open-- })
			if err != nil && ctx.Err() == nil {
				x.stop(err)
			}
		})
	}
}

func (x *frames) tooMany() {
	x.tell(func(s *SourceState) { s.Faults["too_many_connections"]++ })
}

// fullPause is how long nothing is accepted where the system has no more files.
const fullPause = 100 * time.Millisecond

// isFull reports whether an error says that the system can open no more: connections that end
// make room, and readings that are on their way are not lost by it.
func isFull(err error) bool {
	return slices.ContainsFunc([]error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM}, func(full error) bool { return errors.Is(err, full) })
}

// connectionLimit is how many devices may be connected at once: half of what files the process
// may open, for the spool, the state and the cluster need some whoever connects.
func connectionLimit() int { return max(1, min(maxConnections, openFiles()/2)) }

// connection is a device's connection.
type connection struct {
	*frames
	conn    net.Conn
	decoder *hj212.Decoder
	held    []hj212.Frame     // packets without a time whose message has not had one yet
	times   map[string]string // of messages in several packets, by device, command and QN
}

// serve reads a connection until it ends. An error is of the feed, not of the connection.
func (x *frames) serve(ctx context.Context, conn net.Conn) error {
	defer conn.Close()                                                       //nolint:errcheck // nothing more comes from it
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(longAgo) })() // it is closed then
	c := &connection{frames: x, conn: conn, decoder: hj212.NewDecoder(x.options), times: map[string]string{}}
	var came []hj212.Frame
	collect := func(f hj212.Frame) { came = append(came, f) }
	buffer := make([]byte, 16<<10)
	silent := time.Duration(0)
	for {
		if err := conn.SetReadDeadline(time.Now().Add(pauseLimit)); err != nil {
			return nil //nolint:nilerr // it is closed
		}
		if ctx.Err() != nil {
			return nil
		}
		n, err := conn.Read(buffer)
		c.decoder.Feed(buffer[:n], collect)
		timeout, ended := false, err != nil
		if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
			timeout, ended = true, false
			silent += pauseLimit
			c.decoder.Idle(collect)
		} else {
			silent = 0
		}
		if ended {
			c.decoder.Close(collect)
		}
		err = c.take(ctx, came)
		came = came[:0]
		if err != nil {
			return err
		}
		if ended || timeout && silent >= x.source.Idle {
			if len(c.held) > 0 {
				x.tell(func(s *SourceState) { s.Faults["packet_without_time"] += int64(len(c.held)) })
			}
			return nil
		}
	}
}

// longAgo ends what waits on a connection.
var longAgo = time.Unix(1, 0)

// take keeps what frames say, and answers them.
func (c *connection) take(ctx context.Context, came []hj212.Frame) error {
	counts := c.decoder.Counts()
	c.tell(func(s *SourceState) {
		for k, n := range counts.Faults {
			s.Faults[string(k)] += n
		}
		for k, n := range counts.Leniences {
			s.Leniences[string(k)] += n
		}
	})
	if len(came) == 0 {
		return nil
	}
	var keep []spool.Reading
	var kept []hj212.Frame
	for _, f := range came {
		c.noteFrame(f)
		readings, held, err := c.read(f)
		if err != nil {
			return err
		}
		if held {
			continue
		}
		keep, kept = append(keep, readings...), append(kept, f)
		for _, h := range c.release(f) {
			readings, _, err := c.read(h)
			if err != nil {
				return err
			}
			keep, kept = append(keep, readings...), append(kept, h)
		}
	}
	if err := c.keep(ctx, keep); err != nil {
		return err
	}
	return c.answer(kept)
}

// noteFrame counts a frame.
func (c *connection) noteFrame(f hj212.Frame) {
	c.mu.Lock()
	if _, listed := c.config.Devices[f.MN]; listed { // of others there may be any number
		c.devices[f.MN] = true
	}
	devices := len(c.devices)
	c.mu.Unlock()
	sum := sha256.Sum256(f.Region)
	before, known := c.recent.Get(f.Key())
	now := c.now()
	c.tell(func(s *SourceState) {
		s.Taken++
		s.Last, s.Devices = now, devices
		countKind(s.Commands, f.CN)
		switch {
		case f.Resent, known && before == sum:
			s.Resent++
		case known: // another message under the name of an earlier one is another message
			s.Faults["name_used_again"]++
		}
	})
}

// answer answers frames, once what they say is kept. A device that does not take the answers
// sends again.
func (c *connection) answer(kept []hj212.Frame) error {
	var out []byte
	for _, f := range kept {
		c.recent.Add(f.Key(), sha256.Sum256(f.Region))
		if a, due := f.Answer(); due {
			out = append(out, a.Encode(c.options.CRC, nil)...)
			c.tell(func(s *SourceState) { s.Answered++ })
		}
		if f.CN == hj212.CommandAskClock && c.source.SetClock {
			out = append(out, f.SetClock(c.now().In(c.periods.zone)).Encode(c.options.CRC, nil)...)
		}
	}
	if len(out) == 0 {
		return nil
	}
	if err := c.conn.SetWriteDeadline(time.Now().Add(answerLimit)); err != nil {
		return nil //nolint:nilerr // it is closed
	}
	if _, err := c.conn.Write(out); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		c.tell(func(s *SourceState) { s.Faults["answer_not_taken"]++ })
	}
	return nil
}

// message names a message in several packets.
func message(f hj212.Frame) string { return f.MN + " " + f.CN + " " + f.QN }

// read maps a frame to readings. held: it waits for the packet that has its time.
func (c *connection) read(f hj212.Frame) (readings []spool.Reading, held bool, err error) {
	if !f.IsData() || !c.taken[f.CN] {
		return nil, false, nil
	}
	fault := func(kind string) {
		c.tell(func(s *SourceState) { s.Faults[kind]++ })
	}
	d, err := f.Data(c.options.Lenient)
	if err != nil {
		fault(string(hj212.FaultRegion))
		return nil, true, nil //nolint:nilerr // it is not answered, and comes again or does not
	}
	c.tell(func(s *SourceState) {
		for _, l := range d.Lenient {
			s.Leniences[string(l)]++
		}
	})
	if f.Packets > 1 {
		switch {
		case d.Time != "":
			if len(c.times) > maxHeld {
				clear(c.times)
			}
			c.times[message(f)] = d.Time
		case c.times[message(f)] != "":
			d.Time = c.times[message(f)]
		case len(c.held) < maxHeld:
			c.held = append(c.held, f)
			return nil, true, nil
		}
	}
	at, err := hj212.ParseTime(d.Time, c.periods.zone)
	if err != nil {
		fault("time")
		return nil, true, nil //nolint:nilerr // likewise
	}
	g := given{device: f.MN, command: f.CN, time: d.Time, at: at}
	for _, item := range d.Items {
		g.values = append(g.values, givenValue{code: item.Code, flag: item.Get("Flag"), text: item.Lookup})
	}
	readings, err = c.readings(c.source.Name, g)
	return readings, false, err
}

// release are the packets that waited for a frame.
func (c *connection) release(f hj212.Frame) (free []hj212.Frame) {
	if f.Packets < 2 || c.times[message(f)] == "" {
		return nil
	}
	rest := c.held[:0]
	for _, h := range c.held {
		if message(h) == message(f) {
			free = append(free, h)
		} else {
			rest = append(rest, h)
		}
	}
	c.held = rest
	return free
}
