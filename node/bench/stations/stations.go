// Package stations simulates stations that send HJ 212 to a feed, and knows what they sent:
// `weir bench feed` and the feed's tests hold a dataset against it.
//
// A station does what data loggers in the field do: it sends a frame each second of its own
// time, waits for the answer, and sends it again where there was none, on a new connection
// where the old one is gone. What it measures follows from its number and the frame's; what the
// dataset must have in the end is computed by plain loops, with nothing of the feed.
package stations

import (
	"bufio"
	"context"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/feed/hj212"
)

// Stations are simulated stations.
type Stations struct {
	Count  int
	Begin  time.Time // of the first frame, in the zone of the dataset
	Frames int       // of each station
	// Every is how long a station waits between two frames; 0: it does not.
	Every time.Duration
	// Address is where the feed listens at the moment.
	Address func() string

	answered, again atomic.Int64
}

// Answered is how many frames were answered.
func (s *Stations) Answered() int64 { return s.answered.Load() }

// Again is how many times a frame was sent again.
func (s *Stations) Again() int64 { return s.again.Load() }

// Device is a station's MN, Entity its id in the registry, County its attribute.
func Device(station int) string { return fmt.Sprintf("%024X", 0xA00000+station) }

// Entity is a station's id in the registry.
func Entity(station int) string { return fmt.Sprintf("station %04d", station) }

// County is a station's attribute.
func County(station int) string { return []string{"east", "west"}[station%2] }

// NOx is what a station measures in its nth frame, in tenths of a milligram.
func NOx(station, n int) int { return 1000 + (station*7919+n*104729)%80000 }

// CO likewise, in hundredths of a milligram.
func CO(station, n int) int { return (station*31 + n*17) % 5000 }

// Faulty reports whether the flag of NOx is D, which does not count.
func Faulty(station, n int) bool { return (station+n)%13 == 0 }

// At is the time of the nth frame.
func (s *Stations) At(n int) time.Time { return s.Begin.Add(time.Duration(n) * time.Second) }

// Frame is the nth frame of a station.
func (s *Stations) Frame(station, n int) hj212.Frame {
	at := s.At(n)
	flag := "N"
	if Faulty(station, n) {
		flag = "D"
	}
	nox, co := NOx(station, n), CO(station, n)
	return hj212.Frame{QN: hj212.FormatQN(at.Add(200 * time.Millisecond)), ST: "31", CN: hj212.CommandRealTime, PW: "123456", MN: Device(station), Flag: 5,
		Region: fmt.Appendf(nil, "DataTime=%s;a21002-Rtd=%d.%d,a21002-Flag=%s;a21005-Rtd=%d.%02d,a21005-Flag=N", at.Format("20060102150405"), nox/10, nox%10, flag, co/100, co%100)}
}

// Run sends the frames from one on to before another of all stations.
func (s *Stations) Run(ctx context.Context, from, to int) error {
	var all sync.WaitGroup
	errs := make([]error, s.Count)
	for station := range s.Count {
		all.Go(func() { errs[station] = s.station(ctx, station, from, to) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Times of a station.
const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 20 * time.Second
	pauseAfter    = 50 * time.Millisecond
)

// link is a station's connection.
type link struct {
	conn net.Conn
	in   *bufio.Reader
}

func (l *link) hangUp() {
	if l.conn != nil {
		_ = l.conn.Close() // it is of no use any more
		l.conn = nil
	}
}

func (s *Stations) station(ctx context.Context, station, from, to int) error {
	var l link
	defer l.hangUp()
	// Stations do not send at the same moment.
	begun := time.Now().Add(s.Every * time.Duration(station) / time.Duration(s.Count))
	for n := from; n < to; n++ {
		if err := client.Pause(ctx, time.Until(begun.Add(time.Duration(n-from)*s.Every))); err != nil {
			return err
		}
		f := s.Frame(station, n)
		for !s.send(ctx, &l, f) {
			s.again.Add(1)
			l.hangUp()
			if err := client.Pause(ctx, pauseAfter); err != nil {
				return err
			}
		}
		s.answered.Add(1)
	}
	return nil
}

// send sends a frame and reports whether it was answered.
func (s *Stations) send(ctx context.Context, l *link, f hj212.Frame) bool {
	if l.conn == nil {
		conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", s.Address())
		if err != nil {
			return false
		}
		l.conn, l.in = conn, bufio.NewReader(conn)
	}
	if l.conn.SetDeadline(time.Now().Add(answerTimeout)) != nil {
		return false
	}
	if _, err := l.conn.Write(f.Encode(hj212.CRCStandard, nil)); err != nil {
		return false
	}
	line, err := l.in.ReadString('\n')
	return err == nil && strings.Contains(line, "QN="+f.QN+";ST=91;CN=9014;") && strings.Contains(line, "MN="+f.MN+";")
}

// Descriptor describes the dataset that the stations are published as.
func Descriptor(dataset, registry string) string {
	return fmt.Sprintf(`
dataset: %s
title: {en: Simulated chimneys}
license: internal
entity: {registry: %s, column: station}
period: {column: hour, grain: hour}
utc_offset: "+08:00"
measures:
  - {name: nox, column: NOX, unit: mg/m³, range: [0, 100000], decimals: 3, round: half_even}
  - {name: co, column: CO, unit: µg/m³, range: [0, 1000000], decimals: 0}
policy: {aggregates: [count, sum, avg], public: true}
`, dataset, registry)
}

// Config is the configuration of a feed of so many stations, which beside it has its
// descriptor in descriptor.yaml.
func Config(dataset, dir, listen string, count int, lateness, every time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, `dataset: %s
descriptor: descriptor.yaml
dir: %s
lateness: %s
every: %s
corrections: {every: 6h, within: 72h}
stamp: begin
measures:
  - {measure: nox, code: a21002, command: "2011", field: Rtd, unit: mg/m³, take: mean, least: 2}
  - {measure: co, code: a21005, command: "2011", field: Rtd, unit: mg/m³, factor: "1000", take: max}
sources:
  - {name: chimneys, kind: hj212, listen: "%s", crc: standard}
devices:
`, dataset, dir, lateness, every, listen)
	for s := range count {
		fmt.Fprintf(&b, "  %s: %s\n", Device(s), Entity(s))
	}
	return b.String()
}

// Query asks for what Truth has.
func Query(dataset string) string {
	return "SELECT station, date_trunc('hour', period) AS hour, SUM(nox) AS nox, SUM(co) AS co FROM " + dataset + " GROUP BY station, hour"
}

// Truth are the rows of stations and hours by plain loops: the mean of nox, rounded half to
// even, and the largest co.
func (s *Stations) Truth() (rows []string) {
	for station := range s.Count {
		type hour struct{ sum, count, most int }
		hours := map[string]*hour{}
		var order []string
		for n := range s.Frames {
			name := s.At(n).Format("2006-01-02T15")
			if hours[name] == nil {
				hours[name] = &hour{}
				order = append(order, name)
			}
			h := hours[name]
			if !Faulty(station, n) {
				h.sum += NOx(station, n)
				h.count++
			}
			h.most = max(h.most, CO(station, n)*10) // hundredths of a milligram are ten micrograms
		}
		for _, name := range order {
			h := hours[name]
			mean := new(big.Rat).SetFrac64(int64(h.sum), int64(10*h.count))
			rows = append(rows, fmt.Sprintf("%s %s %s %d", Entity(station), name, halfEven(mean, 3), h.most))
		}
	}
	return rows
}

// halfEven writes a positive number with so many decimals, by looking at the rest.
func halfEven(v *big.Rat, decimals int) string {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)
	scaled := new(big.Rat).Mul(v, new(big.Rat).SetInt(unit))
	low := new(big.Int).Quo(scaled.Num(), scaled.Denom())
	rest := new(big.Rat).Sub(scaled, new(big.Rat).SetInt(low))
	if c := rest.Cmp(big.NewRat(1, 2)); c > 0 || c == 0 && low.Bit(0) == 1 {
		low.Add(low, big.NewInt(1))
	}
	text := fmt.Sprintf("%0*d", decimals+1, low)
	return text[:len(text)-decimals] + "." + text[len(text)-decimals:]
}
