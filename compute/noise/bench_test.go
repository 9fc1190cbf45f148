package noise

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"testing"
)

func BenchmarkVector(b *testing.B) {
	const n = 1000
	for _, log := range []uint{10, 50} {
		tail := new(big.Rat).Add(power2(log), new(big.Rat).Inv(power2(90)))
		for name, l := range map[string]Law{
			"Laplace":         laplaceLaw(b, power2(log)),
			"LaplaceLongTail": laplaceLaw(b, tail),
			"Gaussian":        gaussianLaw(b, power2(2*log)),
		} {
			b.Run(fmt.Sprintf("%s/2^%d", name, log), func(b *testing.B) {
				for b.Loop() {
					if _, err := Vector(rand.Reader, l, n); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "draws/s")
			})
		}
	}
}

func BenchmarkBounds(b *testing.B) {
	for _, l := range []Law{laplaceLaw(b, power2(50)), gaussianLaw(b, power2(100))} {
		b.Run(l.Kind().String(), func(b *testing.B) {
			for b.Loop() {
				if _, err := Describe(l, 2, 1); err != nil {
					b.Fatal(err)
				}
				if _, err := Tail(l, 2, 60); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
