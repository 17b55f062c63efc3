module kafkarium.example/orders

go 1.24

require github.com/twmb/franz-go v1.20.4
