package catalog

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// maxLevel bounds the level of an entity in a set: ⌊log2 n⌋ of its n > 0 cells in one
// period. Those of one level have at least half as many as any of it, so that counting
// the entities of the highest level is at most as generous as point 4.
const maxLevel = 40

// maxCompared bounds what a version is compared with.
const maxCompared = 4096

// measureOf names a measure of a dataset of a family by positions.
type measureOf struct{ dataset, measure int }

// kindred lists the measures that may tell of the same cells as one does, itself
// included, in order: those declared as related, those of the same name and unit
// in the family, and whatever follows from these.
func (f *family) kindred(of measureOf) []measureOf {
	found := []measureOf{of}
	for next := 0; next < len(found); next++ {
		d := f.Datasets[found[next].dataset]
		name, unit := d.Measures[found[next].measure], d.Units[found[next].measure]
		for i, other := range f.Datasets {
			for j := range other.Measures {
				at := measureOf{i, j}
				same := other.Measures[j] == name && other.Units[j] == unit
				tied := i == found[next].dataset && slices.ContainsFunc(d.Related, func(p [2]string) bool {
					return p == [2]string{name, other.Measures[j]} || p == [2]string{other.Measures[j], name}
				})
				if (same || tied) && !slices.Contains(found, at) {
					found = append(found, at)
				}
			}
		}
	}
	return found
}

// Kindred returns the releases that a version of the dataset, proposed now, should
// be compared with so that nothing is taken for the worst: of everything that was
// or can be released of kindred measures.
func (v View) Kindred(dataset string) ([]Comparison, error) {
	d, err := v.Dataset(dataset)
	if err != nil || d.Descriptor.Policy.Public {
		return nil, err
	}
	f, err := find[family](v.r, familyKey(d.Owner, d.Descriptor.Registry))
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(f.Datasets, func(x familyDataset) bool { return x.ID == dataset })
	var out []Comparison
	for i, measure := range f.Datasets[at].Measures {
		for _, kin := range f.kindred(measureOf{at, i}) {
			other := f.Datasets[kin.dataset]
			for _, s := range f.Sources {
				if s.Dataset == other.ID {
					out = append(out, Comparison{Measure: measure, Dataset: other.ID, Release: s.Version, Other: other.Measures[kin.measure]})
				}
			}
			if kin.dataset == at && kin.measure < i {
				out = append(out, Comparison{Measure: measure, Dataset: dataset, Other: other.Measures[kin.measure]})
			}
		}
	}
	for _, x := range f.Datasets[at].jointComparisons() {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out, nil
}

// checkCompared refuses comparisons with what is not in the family.
func (c *call) checkCompared(d Dataset, b VersionPropose) error {
	if len(b.Compared) == 0 && b.Sets.IsZero() {
		return nil
	}
	if d.Descriptor.Policy.Public || len(b.Compared) == 0 || b.Sets.IsZero() || len(b.Compared) > maxCompared {
		return invalid("compared", "%d comparisons with the digest %s: a protected version has at most %d, and a digest with them", len(b.Compared), b.Sets, maxCompared)
	}
	f, err := find[family](c.tx, familyKey(d.Owner, d.Descriptor.Registry))
	if err != nil {
		return err
	}
	for i, x := range b.Compared {
		at := fmt.Sprintf("compared[%d]", i)
		other := f.dataset(x.Dataset)
		switch {
		case f.dataset(d.ID).measureIndex(x.Measure) < 0 || other == nil || other.measureIndex(x.Other) < 0:
			return invalid(at, "%s against %s of %s: no such measures in the family", x.Measure, x.Other, x.Dataset)
		case slices.Contains(b.Compared[:i], x):
			return invalid(at, "the comparison occurs twice")
		case x.Release == 0 && x.Dataset == d.ID && other.measureIndex(x.Other) < other.measureIndex(x.Measure):
			continue
		}
		v, err := find[Version](c.tx, prefixVersion+versionName(x.Dataset, x.Release))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err != nil || v.State != VersionLive {
			return invalid(at, "dataset %s has no live version %d", x.Dataset, x.Release)
		}
	}
	return nil
}

// SetsDigest is the digest of a version's sets, VersionPropose.Sets: SHA-256 over
// a label and, per set, its numbers and its levels with their length.
func SetsDigest(sets []CellSet) Digest {
	b := []byte("weir sets v1\n")
	h := sha256.New()
	for _, s := range sets {
		b = binary.AppendVarint(b, int64(s.Comparison))
		b = binary.AppendVarint(b, s.Period)
		b = binary.AppendUvarint(b, uint64(len(s.Levels)))
		b = append(b, s.Levels...)
		h.Write(b)
		b = b[:0]
	}
	h.Write(b)
	return Digest(h.Sum(nil))
}

// addSets takes sets of a protected dataset's version. The same chunk again
// changes nothing.
func addSets(c *call, b VersionSets) error {
	d, v, err := c.ownVersion(b.Dataset, b.Version, VersionProposed)
	if err != nil {
		return err
	}
	c.out.ID, c.out.Version = v.Dataset, v.Version
	if r := c.checkSets(d, v, b); r != nil {
		return r
	}
	key := fmt.Sprintf("%s%s/%08d", prefixSets, versionName(v.Dataset, v.Version), b.From)
	if b.From < v.SetsHeld {
		held, err := c.tx.Get([]byte(key))
		if err != nil {
			return fmt.Errorf("read %s: %w", key, err)
		}
		if string(held) == string(encode(b.Sets)) {
			return nil
		}
	}
	switch {
	case b.From != v.SetsHeld:
		return conflict("chunk", "sets from number %d, the next is %d", b.From, v.SetsHeld).withNumber("next", int64(v.SetsHeld))
	case v.Chunks == MaxChunks:
		return invalid("sets", "bitmaps and sets come in more than %d chunks", MaxChunks).withFix("send more of them at a time")
	}
	v.SetsHeld += len(b.Sets)
	v.Chunks++
	if err := put(c.tx, key, b.Sets); err != nil {
		return err
	}
	return c.putVersion(v)
}

func (c *call) checkSets(d Dataset, v Version, b VersionSets) *Refusal {
	size := 0
	for i, s := range b.Sets {
		at := fmt.Sprintf("sets[%d]", i)
		if s.Comparison < 0 || s.Comparison >= len(v.Compared) {
			return invalid(at, "there is no comparison %d", s.Comparison)
		}
		if i > 0 && !s.after(b.Sets[i-1]) {
			return invalid(at, "the sets are not in ascending order")
		}
		entities := v.Entities
		if x := v.Compared[s.Comparison]; x.Release != 0 {
			other, err := find[Version](c.tx, prefixVersion+versionName(x.Dataset, x.Release))
			if err != nil {
				return invalid(at, "%v", err)
			}
			entities = max(entities, other.Entities)
		}
		levels, err := UnpackAssign(s.Levels, entities)
		if err != nil {
			return invalid(at, "levels: %v", err)
		}
		if most := slices.Max(levels); most < 0 || most > maxLevel {
			return invalid(at, "the highest level is %d; a set without cells is left out", most)
		}
		size += len(s.Levels)
	}
	if len(b.Sets) == 0 || size > MaxChunk {
		return invalid("sets", "%d sets of %d bytes for dataset %s, at most %d bytes are accepted", len(b.Sets), size, d.ID, MaxChunk)
	}
	return nil
}

func (s CellSet) after(t CellSet) bool {
	return s.Comparison > t.Comparison || s.Comparison == t.Comparison && s.Period > t.Period
}

func readSets(r Reader, dataset string, version int) ([]CellSet, error) {
	chunks, err := list[[]CellSet](r, prefixSets+versionName(dataset, version)+"/")
	if err != nil {
		return nil, fmt.Errorf("read the sets of version %d of %s: %w", version, dataset, err)
	}
	return slices.Concat(chunks...), nil
}

// Sets returns the sets of a version, which nodes hold against the presences.
func (v View) Sets(dataset string, version int) ([]CellSet, error) {
	return readSets(v.r, dataset, version)
}

// commitSets refuses to commit a version whose sets are not the ones announced.
func (c *call) commitSets(v Version) error {
	if v.Sets.IsZero() {
		return nil
	}
	sets, err := readSets(c.tx, v.Dataset, v.Version)
	if err != nil {
		return err
	}
	for i := 1; i < len(sets); i++ {
		if !sets[i].after(sets[i-1]) {
			return conflict("sets", "set %d is out of order", i).withFix("drop the version and propose it anew")
		}
	}
	if have := SetsDigest(sets); have != v.Sets {
		return conflict("digest", "the sets have the digest %s, announced was %s", have, v.Sets).withFix("drop the version and propose it anew")
	}
	return nil
}

// unpackLevels reads levels that were checked when they came in.
func unpackLevels(b []byte) ([]int32, error) {
	n, rest := 0, b[min(1, len(b)):]
	for len(rest) > 0 {
		run, k := binary.Uvarint(rest)
		if k <= 0 || run > MaxRegistryRows {
			return nil, errors.New("levels: bad run")
		}
		_, l := binary.Varint(rest[k:])
		if l <= 0 {
			return nil, errors.New("levels: bad run")
		}
		n, rest = n+int(run), rest[k+l:]
	}
	return UnpackAssign(b, n)
}
