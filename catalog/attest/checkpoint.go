package attest

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// MaxNoteBytes bounds a signed checkpoint.
const MaxNoteBytes = 64 << 10

// CheckpointVoices counts the seats of a cluster that have cosigned a checkpoint of so many entries
// with that root (c2sp.org/tlog-cosignature, as package consensus/evidence writes them). machines
// are all that are or were in a seat: what a machine that was replaced signed is still its seat's
// voice, and that of a seat that was given up is none. A note of anything else has no voice.
func CheckpointVoices(c catalog.Cluster, machines []catalog.Node, size uint64, root catalog.Digest, note string) (voices int) {
	origin := "weir/" + c.ID.String()
	text := origin + "\n" + strconv.FormatUint(size, 10) + "\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n"
	lines, is := strings.CutPrefix(note, text+"\n")
	if !is || len(note) > MaxNoteBytes {
		return 0
	}
	counted := map[string]bool{}
	for line := range strings.SplitSeq(lines, "\n") {
		name, encoded, _ := strings.Cut(strings.TrimPrefix(line, "— "), " ")
		seat := strings.TrimPrefix(name, origin+"/")
		if seat == name || counted[seat] || !slices.ContainsFunc(c.Nodes, func(n catalog.Node) bool { return n.ID == seat }) {
			continue
		}
		b, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || len(b) != 4+8+ed25519.SignatureSize {
			continue // not a cosignature; that of a key beside it is no other voice
		}
		at := int64(binary.BigEndian.Uint64(b[4:])) //nolint:gosec // a time before 1970 is refused
		message := []byte("cosignature/v1\ntime " + strconv.FormatInt(at, 10) + "\n" + text)
		if at >= 0 && slices.ContainsFunc(machines, func(n catalog.Node) bool {
			return n.ID == seat && len(n.Key) == ed25519.PublicKeySize && ed25519.Verify(n.Key, message, b[12:])
		}) {
			counted[seat] = true
			voices++
		}
	}
	return voices
}
