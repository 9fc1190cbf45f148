package feed_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirdata/weir/node/client/feed/hj212"
)

// simulator are stations that send a frame each second of their own time, wait for its answer,
// and send it again where there was none, on a new connection where the old one is gone: what
// data loggers in the field do.
type simulator struct {
	stations int
	begin    time.Time // of the first frame, in UTC+08:00
	frames   int       // of each station
	rate     time.Duration
	address  func() string // of the centre, at the moment

	answered atomic.Int64
	again    atomic.Int64 // frames that were sent again
}

func deviceOf(station int) string { return fmt.Sprintf("%024X", 0xA00000+station) }

func entityOf(station int) string { return fmt.Sprintf("station %04d", station) }

// noxOf and coOf are what a station measures in its nth frame: in tenths, and in hundredths.
// Of every 13th there is a flag that does not count; so2 is missing then.
func noxOf(station, n int) int          { return 1000 + (station*7919+n*104729)%80000 }
func coOf(station, n int) int           { return (station*31 + n*17) % 5000 }
func faulty(station, n int) bool        { return (station+n)%13 == 0 }
func (s *simulator) at(n int) time.Time { return s.begin.Add(time.Duration(n) * time.Second) }

func (s *simulator) frame(station, n int) hj212.Frame {
	at := s.at(n)
	flag := "N"
	if faulty(station, n) {
		flag = "D"
	}
	nox, co := noxOf(station, n), coOf(station, n)
	return hj212.Frame{QN: hj212.FormatQN(at.Add(200 * time.Millisecond)), ST: "31", CN: hj212.CommandRealTime, PW: "123456", MN: deviceOf(station), Flag: 5,
		Region: fmt.Appendf(nil, "DataTime=%s;a21002-Rtd=%d.%d,a21002-Flag=%s;a21005-Rtd=%d.%02d,a21005-Flag=N", at.Format("20060102150405"), nox/10, nox%10, flag, co/100, co%100)}
}

// run sends frames [from, to) of all stations.
func (s *simulator) run(ctx context.Context, from, to int) error {
	var all sync.WaitGroup
	errs := make([]error, s.stations)
	for station := range s.stations {
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

func (s *simulator) station(ctx context.Context, station, from, to int) error {
	var conn net.Conn
	var in *bufio.Reader
	hangUp := func() {
		if conn != nil {
			_ = conn.Close() // it is of no use any more
			conn = nil
		}
	}
	defer hangUp()
	begun := time.Now()
	for n := from; n < to; n++ {
		if err := pause(ctx, time.Until(begun.Add(time.Duration(n-from)*s.rate))); err != nil {
			return err
		}
		for try := 0; ; try++ {
			if try > 0 {
				s.again.Add(1)
				hangUp()
				if err := pause(ctx, 20*time.Millisecond); err != nil {
					return err
				}
			}
			if conn == nil {
				var err error
				if conn, err = (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", s.address()); err != nil {
					conn = nil
					if ctx.Err() != nil {
						return ctx.Err()
					}
					continue
				}
				in = bufio.NewReader(conn)
			}
			f := s.frame(station, n)
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				continue
			}
			if _, err := conn.Write(f.Encode(hj212.CRCStandard, nil)); err != nil {
				continue
			}
			line, err := in.ReadString('\n')
			if err == nil && strings.Contains(line, "QN="+f.QN+";ST=91;CN=9014;") && strings.Contains(line, "MN="+f.MN+";") {
				break
			}
		}
		s.answered.Add(1)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
