package noise

import (
	"errors"
	"math/big"
	"testing"
)

func TestLawsOutsideTheLimitsAreRefused(t *testing.T) {
	above := func(n uint) *big.Rat { return new(big.Rat).Add(power2(n), big.NewRat(1, 1000)) }
	long := new(big.Rat).Add(big.NewRat(5, 1), new(big.Rat).Inv(power2(600)))
	for name, c := range map[string]struct {
		construct func(*big.Rat) (Law, error)
		param     *big.Rat
		ok        bool
	}{
		"Laplace nil":            {NewLaplace, nil, false},
		"Laplace 0":              {NewLaplace, new(big.Rat), false},
		"Laplace -1":             {NewLaplace, big.NewRat(-1, 1), false},
		"Laplace below 1":        {NewLaplace, big.NewRat(999, 1000), false},
		"Laplace 1":              {NewLaplace, big.NewRat(1, 1), true},
		"Laplace 2^56":           {NewLaplace, power2(56), true},
		"Laplace above 2^56":     {NewLaplace, above(56), false},
		"Laplace of 600 bits":    {NewLaplace, long, false},
		"Gaussian nil":           {NewGaussian, nil, false},
		"Gaussian 0":             {NewGaussian, new(big.Rat), false},
		"Gaussian -1":            {NewGaussian, big.NewRat(-1, 1), false},
		"Gaussian below a 1/4":   {NewGaussian, big.NewRat(249, 1000), false},
		"Gaussian 1/4":           {NewGaussian, big.NewRat(1, 4), true},
		"Gaussian 2^112":         {NewGaussian, power2(112), true},
		"Gaussian above 2^112":   {NewGaussian, above(112), false},
		"Gaussian of 600 bits":   {NewGaussian, long, false},
		"Laplace in its middle":  {NewLaplace, big.NewRat(20, 3), true},
		"Gaussian in its middle": {NewGaussian, big.NewRat(20, 3), true},
	} {
		l, err := c.construct(c.param)
		if (err == nil) != c.ok || (err != nil && !errors.Is(err, ErrLaw)) {
			t.Errorf("%s: %v, %v", name, l, err)
		}
	}
}

func TestLawIsImmutable(t *testing.T) {
	scale := big.NewRat(20, 3)
	l := laplaceLaw(t, scale)
	scale.SetInt64(1)
	l.Param().SetInt64(2)
	if got := l.String(); got != "discrete_laplace(scale 20/3)" {
		t.Errorf("the law is now %s", got)
	}
	if l.Equal(laplaceLaw(t, big.NewRat(20, 4))) || l.Equal(gaussianLaw(t, big.NewRat(20, 3))) || !l.Equal(laplaceLaw(t, big.NewRat(40, 6))) {
		t.Error("laws compare wrongly")
	}
}

func TestNoLawIsRefusedEverywhere(t *testing.T) {
	var none Law
	_, vector := Vector(zeros{}, none, 1)
	_, tail := Tail(none, 1, 60)
	_, interval := Interval95(none, 1)
	_, variance := Variance(none, 1)
	_, describe := Describe(none, 1, 0)
	_, encode := Draw{}.MarshalBinary()
	for name, err := range map[string]error{
		"Vector": vector, "Tail": tail, "Interval95": interval,
		"Variance": variance, "Describe": describe, "MarshalBinary": encode,
	} {
		if !errors.Is(err, ErrLaw) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if none.String() != "no law" || none.Kind() != 0 || none.Param().Sign() != 0 || !none.Equal(Law{}) {
		t.Errorf("the zero law is %s, %s, %s", none, none.Kind(), none.Param())
	}
}
