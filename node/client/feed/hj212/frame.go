package hj212

import (
	"crypto/cipher"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm4"
)

// Commands that a feed knows.
const (
	CommandSetClock   = "1012" // centre to device
	CommandAskClock   = "1013" // device to centre: a notice that asks for 1012
	CommandRealTime   = "2011"
	CommandDay        = "2031"
	CommandMinute     = "2051"
	CommandHour       = "2061"
	CommandTaken      = "9011" // answer to a request: it is taken, or why not
	CommandDone       = "9012" // answer to a request: it was done, or why not
	CommandNoticeAck  = "9013"
	CommandDataAck    = "9014"
	CommandHeartbeat  = "9015"
	systemInteraction = "91" // ST of answers and of what is about the connection itself
)

// Version is the standard that a frame names in its Flag.
type Version int

// Versions, by the upper six bits of Flag.
const (
	Version2005 Version = 0
	Version2017 Version = 1
	Version2025 Version = 2
)

// MaxSegment is how many bytes a segment has at most, by HJ 212-2017 table 2 and HJ 212-2025
// section 8.1.2; what is longer is sent as several packets.
const MaxSegment = 1024

// Frame is a frame that is whole.
type Frame struct {
	QN   string // 17 digits: the time of sending, to the millisecond; it names the exchange
	ST   string // 2 digits: the kind of system
	CN   string // 4 digits: the command
	PW   string // the device's password
	MN   string // the device
	Flag int    // version, packets, answer
	// Packets and Packet number the packets of one message; 0: it is one.
	Packets, Packet int
	Resent          bool   // RF=1: sent again after the connection was lost
	Region          []byte // between CP=&& and &&, in the clear
	Encrypted       bool   // it came under SM4
	Lenient         []Leniency
}

// Version is the standard that the frame names.
func (f Frame) Version() Version { return Version(f.Flag >> 2) }

// WantsAnswer reports whether the sender waits for an answer, and sends again without.
func (f Frame) WantsAnswer() bool { return f.Flag&1 == 1 }

// HasPackets reports whether the frame says that it numbers its packets.
func (f Frame) HasPackets() bool { return f.Flag&2 == 2 }

// Key is what tells a frame that is sent again from another one.
func (f Frame) Key() string {
	return f.MN + " " + f.CN + " " + f.QN + " " + strconv.Itoa(f.Packet)
}

// Segment is the frame's segment with its region in the clear.
func (f Frame) Segment() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "QN=%s;ST=%s;CN=%s;PW=%s;MN=%s;Flag=%d;", f.QN, f.ST, f.CN, f.PW, f.MN, f.Flag)
	if f.HasPackets() {
		fmt.Fprintf(&b, "PNUM=%d;PNO=%d;", f.Packets, f.Packet)
	}
	if f.Resent {
		b.WriteString("RF=1;")
	}
	b.WriteString("CP=&&")
	b.Write(f.Region)
	b.WriteString("&&")
	return []byte(b.String())
}

// Encode writes the frame. key, if not nil, encrypts its region after the check was computed.
func (f Frame) Encode(crc CRC, key cipher.Block) []byte {
	segment := f.Segment()
	sum := crc.Of(segment)
	if key != nil {
		region := segment[len(segment)-2-len(f.Region) : len(segment)-2]
		cryptBlocks(region, key.Encrypt)
	}
	out := fmt.Appendf(make([]byte, 0, len(segment)+12), "##%04d", len(segment))
	out = append(out, segment...)
	return fmt.Appendf(out, "%04X\r\n", sum)
}

// cryptBlocks encrypts or decrypts whole blocks in place; the rest of fewer than 16 bytes
// stays in the clear (HJ 212-2025 annex A.2).
func cryptBlocks(region []byte, crypt func(dst, src []byte)) {
	for len(region) >= sm4.BlockSize {
		crypt(region[:sm4.BlockSize], region[:sm4.BlockSize])
		region = region[sm4.BlockSize:]
	}
}

// NewKey is an SM4 key of 16 bytes.
func NewKey(key []byte) (cipher.Block, error) {
	block, err := sm4.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("an SM4 key has 16 bytes, this one %d", len(key))
	}
	return block, nil
}

// answer is a frame of a command that answers f, with nothing in it.
func (f Frame) answer(command string) Frame {
	return Frame{QN: f.QN, ST: systemInteraction, CN: command, PW: f.PW, MN: f.MN, Flag: int(f.Version()) << 2}
}

// Answer is what the sender of a frame waits for once what it sent is kept: 9014 to data, 9013
// to notices and heartbeats. ok is false where none is due: the frame asks for none, or is an
// answer itself.
func (f Frame) Answer() (a Frame, ok bool) {
	switch {
	case !f.WantsAnswer():
		return Frame{}, false
	case f.CN == CommandTaken, f.CN == CommandDone, f.CN == CommandNoticeAck, f.CN == CommandDataAck:
		return Frame{}, false
	case f.IsData():
		return f.answer(CommandDataAck), true
	}
	return f.answer(CommandNoticeAck), true
}

// IsData reports whether the frame's command brings data: 2000 to 2999.
func (f Frame) IsData() bool { return len(f.CN) == 4 && f.CN[0] == '2' }

// SetClock asks a device to set its clock; it answers with 9011 and 9012. The times are those
// of now's zone.
func (f Frame) SetClock(now time.Time) Frame {
	a := f.answer(CommandSetClock)
	a.QN, a.ST, a.Flag = FormatQN(now), f.ST, a.Flag|1
	a.Region = []byte("SystemTime=" + now.Format(timeForm))
	return a
}

// timeForm is how times are written.
const timeForm = "20060102150405"

// FormatQN names an exchange by its time.
func FormatQN(now time.Time) string {
	return now.Format(timeForm) + fmt.Sprintf("%03d", now.Nanosecond()/int(time.Millisecond))
}
