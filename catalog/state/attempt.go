package state

import (
	"slices"
	"strconv"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/view"
)

// payBoth stores the contracts of a judgement as charged.
func payBoth(c *applyContext, j judge.Judgement) error {
	if err := records.Put(c.tx, records.PrefixContract+j.Charged.ID, j.Charged); err != nil || j.Join == nil {
		return err
	}
	return records.Put(c.tx, records.PrefixContract+j.Join.Charged.ID, j.Join.Charged)
}

// versionsOf are the versions that a verdict uses, as Verdict.Releases lists them.
func versionsOf(c *applyContext, verdict catalog.Verdict) ([]catalog.Version, error) {
	var out []catalog.Version
	for _, x := range verdict.Versions() {
		v, err := c.machine.cache.Version(c.tx, x)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// ofDataset parts versions into those of a dataset and those of the one that is joined.
func ofDataset(versions []catalog.Version, dataset string) (own, joined []catalog.Version) {
	for _, v := range versions {
		if v.Dataset == dataset {
			own = append(own, v)
		} else {
			joined = append(joined, v)
		}
	}
	return own, joined
}

// HoldersOf are the nodes that hold all that a verdict is computed from, its versions and
// the shares of its private vectors, in the order of the first version's acknowledgements;
// none where there is no version.
func HoldersOf(v view.View, verdict catalog.Verdict, versions []catalog.Version) ([]string, error) {
	have, err := v.Vectors().Holders(verdict)
	return slices.DeleteFunc(holdersOf(versions), func(id string) bool { return !slices.Contains(have, id) }), err
}

func holdersOf(versions []catalog.Version) []string {
	if len(versions) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(versions[0].Acks), func(id string) bool {
		return slices.ContainsFunc(versions[1:], func(v catalog.Version) bool { return !slices.Contains(v.Acks, id) })
	})
}

// checkAttemptTiles refuses an attempt that says it opens more tiles of the layers' versions
// than they need, or none where something is opened.
func checkAttemptTiles(layers []catalog.Version, columns []catalog.Column, b catalog.QueryAttempt) *catalog.Refusal {
	most := mostTiles(layers, columns)
	opens := judge.AnyEncrypted(columns) && !b.Reseals // counts of a private selector alone open nothing
	if b.Tiles < 0 || b.Tiles > most || opens && b.Tiles == 0 || b.Reseals && b.Tiles > 0 {
		return catalog.Invalid("tiles", "attempt.tiles", b.Tiles, versionNames(layers), most)
	}
	return nil
}

func mostTiles(versions []catalog.Version, columns []catalog.Column) (sum int64) {
	for _, v := range versions {
		sum += v.MostTiles(columns)
	}
	return sum
}

// openLayers counts what an attempt opens of the layers' versions: all of it against
// each of their keys. (A publisher has one key at a time; were there several, too much
// is on the safe side.)
func openLayers(c *applyContext, layers []catalog.Version, tiles int64) error {
	var counted []string
	for _, v := range layers {
		if slices.Contains(counted, v.Key) {
			continue
		}
		counted = append(counted, v.Key)
		if err := openTiles(c, v.Key, tiles); err != nil {
			return err
		}
	}
	return nil
}

// versionNames name versions, as dataset/number.
func versionNames(list []catalog.Version) []string {
	names := make([]string, len(list))
	for i, v := range list {
		names[i] = v.Dataset + "/" + strconv.Itoa(v.Version)
	}
	return names
}

// openJoined counts what an attempt opens of the second dataset, whose versions are given.
func openJoined(c *applyContext, joined []catalog.Version, columns []catalog.Column, b catalog.QueryAttempt) error {
	if len(joined) == 0 {
		if b.Joined == 0 {
			return nil
		}
		return catalog.Invalid("joined", "attempt.no_joined", b.Joined)
	}
	if most := mostTiles(joined, columns); b.Joined < 0 || b.Joined > most {
		return catalog.Invalid("joined", "attempt.joined_tiles", b.Joined, versionNames(joined), most)
	}
	return openLayers(c, joined, b.Joined)
}
