#!/bin/sh
# Nothing from one address on one interface; it may still come in by another.
sudo iptables -A INPUT -i eth0 -s 203.0.113.51 -j DROP
