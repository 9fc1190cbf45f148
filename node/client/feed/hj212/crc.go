package hj212

import (
	"errors"
	"fmt"
)

// CRC is how the check of a segment is computed and written.
type CRC string

// The readings of the standard's annex A that devices have.
const (
	// CRCStandard is what the standard's program computes, its high byte first: the register
	// is shifted by eight bits before a byte goes into it.
	CRCStandard CRC = "standard"
	// CRCSwapped is the same with its low byte first.
	CRCSwapped CRC = "swapped"
	// CRCModbus is what MODBUS computes of the same polynomial, which the standard's words
	// can be taken for.
	CRCModbus CRC = "modbus"
)

// Readings are all of them; the first is the standard's.
var Readings = []CRC{CRCStandard, CRCSwapped, CRCModbus}

// ErrCRC is returned for a reading that there is not.
var ErrCRC = errors.New("want standard, swapped or modbus")

// ParseCRC is the reading of a name.
func ParseCRC(name string) (CRC, error) {
	for _, r := range Readings {
		if string(r) == name {
			return r, nil
		}
	}
	return "", fmt.Errorf("%.20q is no reading of the check: %w", name, ErrCRC)
}

// Of is the check of a segment.
func (c CRC) Of(segment []byte) uint16 {
	if c == CRCModbus {
		return modbus(segment)
	}
	sum := standard(segment)
	if c == CRCSwapped {
		return sum>>8 | sum<<8
	}
	return sum
}

// steps are eight steps of the register for each byte, of both ways to compute the check.
var steps = func() (t [256]uint16) {
	for i := range t {
		t[i] = eightSteps(uint16(i)) //nolint:gosec // below 256
	}
	return t
}()

// eightSteps shifts a register by eight bits, by the polynomial A001.
func eightSteps(reg uint16) uint16 {
	for range 8 {
		low := reg & 1
		reg >>= 1
		if low == 1 {
			reg ^= 0xA001
		}
	}
	return reg
}

// standard is the check as HJ 212-2017 annex A has it: the register's high byte alone is mixed
// with the next byte, and its low byte is lost.
func standard(segment []byte) uint16 {
	reg := uint16(0xFFFF)
	for _, b := range segment {
		reg = steps[byte(reg>>8)^b]
	}
	return reg
}

// modbus is CRC-16/MODBUS.
func modbus(segment []byte) uint16 {
	reg := uint16(0xFFFF)
	for _, b := range segment {
		reg = reg>>8 ^ steps[byte(reg)^b] //nolint:gosec // the low byte is meant
	}
	return reg
}
