package hj212

import (
	"bytes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"
	"pgregory.net/rapid"
)

// The examples of the standards' annexes A: of 2017 (as corrected by those who print it: the
// text has 1C08 beside 1C80), of 2025 as others quote it; and the check of "123456789".
func TestChecksAreThoseOfTheStandardsExamples(t *testing.T) {
	for _, c := range []struct {
		segment string
		want    uint16
	}{
		{"123456789", 0x2F80},
		{"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&", 0x1C80},
		{"QN=20240601085857223;ST=32;CN=1011;PW=123456;MN=010000A8900016F000169DC0;Flag=9;CP=&&&&", 0x2200},
	} {
		if got := CRCStandard.Of([]byte(c.segment)); got != c.want {
			t.Errorf("%s: %04X, want %04X", c.segment, got, c.want)
		}
		if got := CRCSwapped.Of([]byte(c.segment)); got != c.want<<8|c.want>>8 {
			t.Errorf("swapped %s: %04X", c.segment, got)
		}
	}
	if got := CRCModbus.Of([]byte("123456789")); got != 0x4B37 {
		t.Errorf("MODBUS: %04X", got)
	}
}

// The check step by step, as the standard's program has it.
func TestCheckEqualsTheStandardsProgram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		reg := uint16(0xFFFF)
		for _, c := range b {
			reg = reg>>8 ^ uint16(c)
			for range 8 {
				low := reg & 1
				reg >>= 1
				if low == 1 {
					reg ^= 0xA001
				}
			}
		}
		if got := CRCStandard.Of(b); got != reg {
			t.Fatalf("%X: %04X, want %04X", b, got, reg)
		}
	})
}

const device = "010000A8900016F000169DC0"

func example(region string) Frame {
	return Frame{QN: "20260801085857223", ST: "31", CN: CommandHour, PW: "123456", MN: device, Flag: 5, Region: []byte(region)}
}

// raw is a segment with a length, a check and an end of its own.
func raw(segment string, length int, sum uint16, end string) string {
	return fmt.Sprintf("##%04d%s%04X%s", length, segment, sum, end)
}

func framed(segment string) string {
	return raw(segment, len(segment), CRCStandard.Of([]byte(segment)), "\r\n")
}

func decode(o Options, stream string) ([]Frame, Counts) {
	var got []Frame
	d := NewDecoder(o)
	d.Feed([]byte(stream), func(f Frame) { got = append(got, f) })
	d.Close(func(f Frame) { got = append(got, f) })
	return got, d.Counts()
}

func TestFaultsAreCountedByKindAndWhatIsLenientToo(t *testing.T) {
	head := "QN=20260801085857223;ST=31;CN=2061;PW=123456;MN=" + device + ";Flag=5;"
	good := head + "CP=&&DataTime=20260801080000;a21026-Avg=1.5,a21026-Flag=N&&"
	sum := CRCStandard.Of([]byte(good))
	other := "QN=20260801085857224" + good[20:]
	long := head + "CP=&&" + strings.Repeat("a21026-Avg=1.5;", 80) + "DataTime=20260801080000&&"
	for name, c := range map[string]struct {
		stream  string
		fault   Fault    // of a strict decoder
		lenient Leniency // of a lenient one; empty: it has no frame either
	}{
		"swapped":       {raw(good, len(good), CRCSwapped.Of([]byte(good)), "\r\n"), FaultOtherCRC, LenientCRC},
		"modbus":        {raw(good, len(good), CRCModbus.Of([]byte(good)), "\r\n"), FaultOtherCRC, LenientCRC},
		"wrong check":   {raw(good, len(good), sum+1, "\r\n"), FaultCRC, ""},
		"no end":        {raw(good, len(good), sum, ""), FaultEnd, LenientEnd},
		"half an end":   {raw(good, len(good), sum, "\n"), FaultEnd, LenientEnd},
		"too short":     {raw(good, len(good)-3, sum, "\r\n"), FaultCRC, LenientLength},
		"too long":      {raw(good, len(good)+3, sum, "\r\n"), FaultCRC, LenientLength},
		"longest":       {framed(long), FaultTooLong, LenientTooLong},
		"order":         {framed(strings.Replace(good, "ST=31;CN=2061;", "CN=2061;ST=31;", 1)), FaultHead, LenientOrder},
		"name":          {framed(strings.Replace(good, "Flag=", "flag=", 1)), FaultHead, LenientName},
		"unknown field": {framed(strings.Replace(good, "Flag=", "Ver=1;Flag=", 1)), FaultHead, LenientUnknown},
		"no password":   {framed(strings.Replace(good, "PW=123456;", "", 1)), FaultHead, LenientMissing},
		"no device":     {framed(strings.Replace(good, "MN="+device+";", "", 1)), FaultHead, ""},
		"short device":  {framed(strings.Replace(good, device, "88888880000001", 1)), FaultHead, LenientForm},
		"no numbers":    {framed(strings.Replace(good, "Flag=5", "Flag=7", 1)), FaultHead, LenientPackets},
		"two devices":   {framed(strings.Replace(good, "Flag=5", "MN="+device+";Flag=5", 1)), FaultHead, ""},
		"no region":     {framed(head), FaultHead, ""},
	} {
		// A good frame behind it comes through in any case.
		strict, met := decode(Options{}, c.stream+framed(other))
		if len(strict) != 1 || met.Faults[c.fault] < 1 || len(met.Leniences) > 0 {
			t.Errorf("%s, strictly: %d frames, %v", name, len(strict), met)
		}
		taken, met := decode(Options{Lenient: true}, c.stream+framed(other))
		want := 2
		if c.lenient == "" {
			want = 1
		} else if met.Leniences[c.lenient] != 1 {
			t.Errorf("%s, leniently: %v", name, met)
		}
		if len(taken) != want {
			t.Errorf("%s, leniently: %d frames, %v", name, len(taken), met)
		}
	}
}

func TestDataIsReadAsTheStandardHasItOrWithLeniences(t *testing.T) {
	gbk, err := simplifiedchinese.GBK.NewEncoder().String("校准")
	if err != nil {
		t.Fatal(err)
	}
	d, err := example("DataTime=20260801080000;a21026-Min=1.1,a21026-Avg=1.5,a21026-Max=2.0,a21026-Cou=3.0,a21026-Flag=N;" +
		"w01018-SampleTime=20260801080000,w01018-Avg=30,w01018-Flag=D,w01018-Info=" + gbk).Data(false)
	want := Data{Time: "20260801080000", Items: []Item{
		{"a21026", []Field{{"Min", "1.1"}, {"Avg", "1.5"}, {"Max", "2.0"}, {"Cou", "3.0"}, {"Flag", "N"}}},
		{"w01018", []Field{{"SampleTime", "20260801080000"}, {"Avg", "30"}, {"Flag", "D"}, {"Info", "校准"}}},
	}}
	if err != nil {
		t.Fatal(err)
	}
	if x := cmp.Diff(want, d); x != "" {
		t.Error(x)
	}
	for region, l := range map[string]Leniency{
		"DataTime=20260801080000;;a21026-Avg=1":                        LenientSplitter,
		"DataTime=20260801080000; a21026-Avg=1":                        LenientSplitter,
		"DataTime=20260801080000;a21026-Avg=1,a21004-Avg=2":            LenientSplitter,
		"DataTime=20260801080000;a21026-Avg=1,a21026-Avg=2":            LenientRepeated,
		"DataTime=20260801080000;a21026-Avg=1;DataTime=20260801080000": LenientRepeated,
		"DataTime=20260801080000;a21026":                               LenientItem,
		"DataTime=20260801080000;a2/26-Avg=3":                          LenientItem,
	} {
		if _, err := example(region).Data(false); err == nil {
			t.Errorf("%s is taken strictly", region)
		}
		if d, err := example(region).Data(true); err != nil || !slices.Equal(d.Lenient, []Leniency{l}) {
			t.Errorf("%s: %v, %v", region, d.Lenient, err)
		}
	}
	if _, err := example("DataTime=20260801080000;DataTime=20260801090000").Data(true); err == nil {
		t.Error("two times are taken")
	}
	zone := time.FixedZone("", 8*3600)
	for _, bad := range []string{"", "20260801", "20260231000000", "2026080108000x"} {
		if _, err := ParseTime(bad, zone); err == nil {
			t.Errorf("time %q is taken", bad)
		}
	}
}

// SM4 is that of GB/T 32907 annex A. A frame under it is found in a stream, whatever its
// bytes are; without the key, or with another one, it is a fault and nothing more.
func TestEncryptedFramesAreReadUnderTheDevicesKey(t *testing.T) {
	vector := bytes16("0123456789abcdeffedcba9876543210")
	key, err := NewKey(vector)
	if err != nil {
		t.Fatal(err)
	}
	var block [16]byte
	key.Encrypt(block[:], vector)
	if hex.EncodeToString(block[:]) != "681edf34d206965e86b3e94f536e4246" {
		t.Fatalf("%X", block)
	}
	if _, err := NewKey(vector[1:]); err == nil {
		t.Error("a key of 15 bytes is taken")
	}
	f := example("DataTime=20260801080000;a21026-Avg=1.5,a21026-Flag=N")
	f.Flag = 9
	under := string(f.Encode(CRCStandard, key))
	if strings.Contains(under, "DataTime") || !strings.HasSuffix(under[:len(under)-8], "ag=N"[4-(len(f.Region)%16):]) {
		t.Errorf("on the wire: %q", under)
	}
	if len(under) != len(f.Encode(CRCStandard, nil)) {
		t.Error("encryption changes the length")
	}
	keyOf := func(mn string) cipher.Block {
		if mn == device {
			return key
		}
		return nil
	}
	got, _ := decode(Options{Key: keyOf}, "x"+under+under)
	if len(got) != 2 || !got[0].Encrypted || string(got[0].Region) != string(f.Region) || got[0].Version() != Version2025 {
		t.Errorf("%+v", got)
	}
	if got, met := decode(Options{}, under); len(got) != 0 || met.Faults[FaultKey] != 1 {
		t.Errorf("without a key: %d, %v", len(got), met)
	}
	if got, _ := decode(Options{Key: keyOf}, string(f.Encode(CRCStandard, nil))); len(got) != 1 || got[0].Encrypted {
		t.Errorf("in the clear: %+v", got)
	}
}

func bytes16(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}

func TestAnswersAreDueToWhatAsksForThem(t *testing.T) {
	for _, c := range []struct {
		command string
		flag    int
		want    string
	}{
		{CommandHour, 5, CommandDataAck}, {CommandHour, 4, ""}, {CommandHour, 9, CommandDataAck}, {CommandRealTime, 7, CommandDataAck},
		{CommandAskClock, 5, CommandNoticeAck}, {CommandHeartbeat, 5, CommandNoticeAck}, {CommandHeartbeat, 4, ""},
		{CommandTaken, 5, ""}, {CommandDone, 5, ""}, {CommandDataAck, 5, ""},
	} {
		f := example("")
		f.CN, f.Flag, f.Packets, f.Packet = c.command, c.flag, 2, 1
		a, ok := f.Answer()
		if ok != (c.want != "") || a.CN != c.want {
			t.Errorf("%s, Flag=%d: %s", c.command, c.flag, a.CN)
		}
		if ok && (a.QN != f.QN || a.MN != f.MN || a.PW != f.PW || a.Version() != f.Version() || a.WantsAnswer() || a.HasPackets() || a.ST != "91") {
			t.Errorf("%s", a.Segment())
		}
	}
	// HJ 212-2017 annex C has such an answer.
	f := Frame{QN: "20160801085000001", PW: "123456", MN: device, Flag: 5, CN: CommandRealTime}
	a, _ := f.Answer()
	if got := string(a.Encode(CRCStandard, nil)); got != "##0087QN=20160801085000001;ST=91;CN=9014;PW=123456;MN=010000A8900016F000169DC0;Flag=4;CP=&&&&C241\r\n" {
		t.Errorf("%s", got)
	}
	now := time.Date(2026, 12, 1, 8, 0, 5, 678e6, time.UTC)
	if s := string(f.SetClock(now).Segment()); s != "QN=20261201080005678;ST=;CN=1012;PW=123456;MN="+device+";Flag=5;CP=&&SystemTime=20261201080005&&" {
		t.Errorf("%s", s)
	}
}

// A whole frame behind the beginning of one that never comes is found once the line is idle;
// a frame that is on its way is not given up.
func TestIdleFindsWholeFramesBehindABeginning(t *testing.T) {
	whole := framed(string(example("DataTime=20260801080000").Segment()))
	var got []Frame
	emit := func(f Frame) { got = append(got, f) }
	d := NewDecoder(Options{})
	d.Feed([]byte("##1000QN=2026"+whole), emit)
	if len(got) != 0 {
		t.Fatal("it did not wait")
	}
	d.Idle(emit)
	if len(got) != 1 {
		t.Fatalf("%d frames", len(got))
	}
	d.Feed([]byte(whole[:60]), emit)
	d.Idle(emit)
	d.Idle(emit)
	d.Feed([]byte(whole[60:]), emit)
	if c := d.Counts(); len(got) != 2 || c.Frames != 2 || c.Faults[FaultGarbage] != 13 {
		t.Errorf("%d frames, %v", len(got), c)
	}
}

// Half a frame before a whole one costs nothing of it, wherever it was cut: a lenient decoder,
// which takes a wrong length, does not make one frame of both, though their check is the same
// for one of 256.
func TestHalfAFrameAndAWholeOneAreNeverOne(t *testing.T) {
	for n := range 12 {
		f := example(fmt.Sprintf("DataTime=20260801080000;a21026-Avg=%d.5,a21026-Flag=N", n))
		b := f.Encode(CRCStandard, nil)
		for cut := headSize; cut < len(b)-8; cut++ {
			got, _ := decode(Options{Lenient: true}, string(b[:cut])+string(b))
			if len(got) != 1 || got[0].Key() != f.Key() || !bytes.Equal(got[0].Region, f.Region) || len(got[0].Lenient) > 0 {
				t.Fatalf("%d, cut at %d: %d frames: %+v", n, cut, len(got), got)
			}
		}
	}
}

// drawFrame is any frame that a strict decoder takes.
func drawFrame(t *rapid.T) Frame {
	f := Frame{
		QN: rapid.StringMatching(`2026(0[1-9]|1[0-2])[0-9]{11}`).Draw(t, "QN"), ST: rapid.SampledFrom([]string{"21", "22", "31", "32", "91"}).Draw(t, "ST"),
		CN: rapid.StringMatching(`[0-9]{4}`).Draw(t, "CN"), PW: rapid.StringMatching(`[0-9a-z]{6}`).Draw(t, "PW"),
		MN: rapid.StringMatching(`[0-9A-F]{24}`).Draw(t, "MN"), Flag: rapid.IntRange(0, 63).Draw(t, "Flag") << 2,
		// Any bytes, frames' own signs among them; a region of text of GB 18030 as well.
		Region: []byte(rapid.OneOf(rapid.StringMatching(`DataTime=[0-9]{14}(;a[0-9]{5}-Rtd=[0-9.]{1,6},a[0-9]{5}-Flag=[NFMSDCTB]){0,8}`),
			rapid.StringOfN(rapid.RuneFrom([]rune("##&\r\n0123QNCP=;校")), 0, 40, -1)).Draw(t, "region")),
	}
	if rapid.Bool().Draw(t, "packets") {
		f.Flag |= 2
		f.Packets = rapid.IntRange(1, 9999).Draw(t, "PNUM")
		f.Packet = rapid.IntRange(1, f.Packets).Draw(t, "PNO")
	}
	if rapid.Bool().Draw(t, "answer") {
		f.Flag |= 1
	}
	return f
}

// Any mix of frames and garbage, cut anywhere, gives exactly the whole frames, in their order,
// strictly and leniently, by each reading of the check, with encryption and without.
func TestAnyMixOfFramesAndGarbageGivesExactlyTheWholeFrames(t *testing.T) {
	key, err := NewKey(bytes.Repeat([]byte{0x30}, 16))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		crc := rapid.SampledFrom(Readings).Draw(t, "crc")
		o := Options{CRC: crc, Lenient: rapid.Bool().Draw(t, "lenient"), Key: func(string) cipher.Block { return key }}
		var stream []byte
		var want []string
		for range rapid.IntRange(0, 8).Draw(t, "parts") {
			f := drawFrame(t)
			var under cipher.Block
			// Of what is no data nobody can tell for sure whether it was encrypted.
			if f.Encrypted = rapid.Bool().Draw(t, "encrypted") && len(f.Region) >= 16 && likely(f.Region) == parses; f.Encrypted {
				under = key
			}
			b := f.Encode(crc, under)
			switch rapid.SampledFrom([]string{"frame", "frame", "frame", "half", "changed", "garbage"}).Draw(t, "part") {
			case "frame":
				stream = append(stream, b...)
				want = append(want, fmt.Sprintf("%v %s", f.Encrypted, f.Segment()))
			case "half":
				stream = append(stream, b[:rapid.IntRange(0, len(b)-3).Draw(t, "cut")]...)
			case "changed":
				if f.Encrypted { // what it is encrypted may have the changed check, one of 256
					continue
				}
				// one bit of the check: a check of 16 bits lets no single bit pass
				at := len(b) - 3 - rapid.IntRange(0, 3).Draw(t, "digit")
				b[at] = "0123456789ABCDEF"[(strings.IndexByte("0123456789ABCDEF", b[at])+1)%16]
				stream = append(stream, b...)
			case "garbage":
				stream = append(stream, rapid.OneOf(rapid.StringMatching(`[#0-9QN=;&\r\n]{0,60}`), rapid.SampledFrom([]string{"##", "##0100", "##0100QN=", "#", "\r\n"})).Draw(t, "garbage")...)
			}
		}
		var got []string
		emit := func(f Frame) { got = append(got, fmt.Sprintf("%v %s", f.Encrypted, f.Segment())) }
		d := NewDecoder(o)
		for rest := stream; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "read")
			d.Feed(rest[:n], emit)
			rest = rest[n:]
		}
		d.Close(emit)
		// What was changed may be right by another reading, which a lenient decoder takes.
		if o.Lenient {
			got = slices.DeleteFunc(got, func(g string) bool { return !slices.Contains(want, g) })
		}
		if x := cmp.Diff(want, got); x != "" {
			t.Fatalf("(-sent +got)\n%s", x)
		}
	})
}

// What looks like many ends of one frame, sent a byte at a time, is not looked through again and
// again: how often a check or a key is tried does not grow with the bytes.
func TestAFrameThatNeverEndsCostsLittle(t *testing.T) {
	tried := 0
	d := NewDecoder(Options{Lenient: true, Key: func(string) cipher.Block { tried++; return nil }})
	evil := "##9999QN=20261201101500001;MN=X;CP=&&" + strings.Repeat("&&0000\r\n", 1000)
	for i := range len(evil) {
		d.Feed([]byte(evil[i:i+1]), func(Frame) { t.Error("a frame") })
		d.Idle(func(Frame) { t.Error("a frame") })
	}
	if tried == 0 || tried > 2*maxEnds {
		t.Errorf("%d ends were tried", tried)
	}
}

// FuzzDecoder: no bytes make a decoder panic; cut anywhere they give the same frames; a frame
// that is written again is read as the same one; and no more is kept than a frame is long.
func FuzzDecoder(f *testing.F) {
	good := string(example("DataTime=20260801080000;a21026-Avg=1.5,a21026-Flag=N").Segment())
	f.Add([]byte(framed(good)), uint16(7), false)
	f.Add([]byte("##0100QN="+framed(good)+framed(good)[:50]), uint16(1), true)
	f.Add([]byte(raw(good, len(good)+9, CRCSwapped.Of([]byte(good)), "\n")), uint16(300), true)
	f.Add([]byte("###########0001QN=0"), uint16(2), true)
	key, err := NewKey(bytes.Repeat([]byte{0x30}, 16))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example("DataTime=20260801080000;a21026-Avg=1.5").Encode(CRCStandard, key), uint16(40), false)
	f.Fuzz(func(t *testing.T, b []byte, cut uint16, lenient bool) {
		o := Options{Lenient: lenient, Key: func(string) cipher.Block { return key }}
		once := frames(t, NewDecoder(o), b, len(b)+1)
		parts := frames(t, NewDecoder(o), b, int(cut)+1)
		if x := cmp.Diff(once, parts); x != "" {
			t.Fatalf("cut at %d\n%s", cut, x)
		}
	})
}

// frames are what a decoder finds in bytes that come in parts.
func frames(t *testing.T, d *Decoder, b []byte, part int) (got []string) {
	emit := func(f Frame) {
		got = append(got, fmt.Sprintf("%v %s %v", f.Encrypted, f.Segment(), f.Lenient))
		if _, err := f.Data(d.options.Lenient); err == nil && !d.options.Lenient {
			again, _ := decode(Options{}, string(f.Encode(CRCStandard, nil)))
			if len(again) != 1 || again[0].Key() != f.Key() || !bytes.Equal(again[0].Region, f.Region) {
				t.Fatalf("%q is read again as %+v", f.Segment(), again)
			}
		}
	}
	for rest := b; len(rest) > 0; {
		n := min(part, len(rest))
		d.Feed(rest[:n], emit)
		rest = rest[n:]
		if len(d.buffer) > headSize+longest+tailSize+2+part {
			t.Fatalf("%d bytes are kept", len(d.buffer))
		}
	}
	d.Close(emit)
	return got
}
