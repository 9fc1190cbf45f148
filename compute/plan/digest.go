package plan

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/weirdata/weir/catalog"
)

// digestHeader separates plan digests from other hashes and names the encoding.
const digestHeader = "weir plan v2\n"

// Digest is the SHA-256 of the plan: dataset, the version as of which is answered and
// those that are read, the order of groups and what they are called, columns, all slot maps
// and accumulators, the laws of the noise where there is any (PROTOCOL.md section 3.2), and
// what is private about it. Every list is preceded by its length, numbers are 8 bytes,
// entries of slot maps 4, little end first, so that no two plans have the same encoding.
func (p *Plan) Digest() catalog.Digest {
	w := planWriter{hash: sha256.New()}
	w.buf = append(w.buf, digestHeader...)
	w.text(p.Dataset)
	w.numbers(p.Version, len(p.Layers))
	for _, l := range p.Layers {
		w.numbers(l.Version)
	}
	w.labels(p)
	w.numbers(len(p.Groups))
	for _, g := range p.Groups {
		w.numbers(g.Entity, g.Period)
	}
	w.numbers(len(p.Columns))
	w.numbers(p.Columns...)
	w.numbers(len(p.SlotMaps))
	for _, m := range p.SlotMaps {
		w.numbers(len(m))
		w.entries(m)
	}
	w.numbers(len(p.Accumulators))
	for _, a := range p.Accumulators {
		w.numbers(a.Layer, a.Column, a.Block, a.SlotMap, len(a.Tiles))
		w.numbers(a.Tiles...)
	}
	if p.Noise != nil {
		w.numbers(len(p.Noise))
		for _, law := range p.Noise {
			w.numbers(int(law.Kind()))
			w.text(law.String()) // the parameter as an exact fraction
		}
	}
	w.packedColumns(p)
	if p.private != nil {
		w.private(p)
	}
	if p.joined != nil {
		w.joined(p)
	}
	w.flush()
	return catalog.Digest(w.hash.Sum(nil))
}

type planWriter struct {
	hash hash.Hash
	buf  []byte
}

func (w *planWriter) numbers(list ...int) {
	for _, n := range list {
		w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(n)) //nolint:gosec // an encoding, not a value
	}
	w.spill()
}

func (w *planWriter) entries(list []int32) {
	for _, n := range list {
		w.buf = binary.LittleEndian.AppendUint32(w.buf, uint32(n)) //nolint:gosec // −1 is all ones
	}
	w.spill()
}

// labels adds what the groups are called. A result shows them beside the sums, so two
// plans that differ in them alone are two.
func (w *planWriter) labels(p *Plan) {
	w.numbers(len(p.EntityLabels))
	for _, values := range p.EntityLabels {
		w.texts(values...)
	}
	w.texts(p.PeriodLabels...)
}

// texts adds a list of texts, each behind its length.
func (w *planWriter) texts(list ...string) {
	w.numbers(len(list))
	for _, s := range list {
		w.text(s)
	}
}

// text adds a text behind its length.
func (w *planWriter) text(s string) {
	w.numbers(len(s))
	w.buf = append(w.buf, s...)
}

func oneIf(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (w *planWriter) spill() {
	if len(w.buf) >= 64<<10 {
		w.flush()
	}
}

// flush feeds the buffer to the hash, whose Write never returns an error.
func (w *planWriter) flush() {
	w.hash.Write(w.buf) //nolint:errcheck // hash.Hash: it never returns an error
	w.buf = w.buf[:0]
}
