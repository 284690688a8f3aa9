package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/jsii-runtime-go"
)

// The settings of the table's on-demand maximum. Without one, DynamoDB's own limit
// holds: 40,000 units a second by default.
const (
	envMaxReadUnits  = "JOURNEYS_MAX_READ_UNITS"  // read units a second of the table, and as many of its index
	envMaxWriteUnits = "JOURNEYS_MAX_WRITE_UNITS" // write units a second of the table, and as many of its index
)

// The lowest maxima. A page of 1 MB takes 256 units where it is read strongly
// consistent, and one enroll call writes 1,000 units within its 29 seconds.
const (
	minReadUnits  = 256
	minWriteUnits = 100
)

// capacity is the highest number of units a second; 0 is without a maximum.
type capacity struct{ read, write int }

// readCapacity reads the settings. Its error names every fault.
func readCapacity(getenv func(string) string) (capacity, error) {
	read, readFault := parseUnits(getenv, envMaxReadUnits, minReadUnits)
	write, writeFault := parseUnits(getenv, envMaxWriteUnits, minWriteUnits)
	return capacity{read, write}, errors.Join(readFault, writeFault)
}

func parseUnits(getenv func(string) string, name string, least int) (int, error) {
	text := getenv(name)
	if text == "" {
		return 0, nil
	}
	units, err := strconv.Atoi(text)
	if err != nil || units < least {
		return 0, fmt.Errorf("%s is %q: want a whole number of units a second, at least %d, or nothing for no maximum", name, text, least)
	}
	return units, nil
}

// units returns the maxima as CDK takes them: nil is none.
func (c capacity) units() (read, write *float64) {
	if c.read > 0 {
		read = jsii.Number(c.read)
	}
	if c.write > 0 {
		write = jsii.Number(c.write)
	}
	return read, write
}
