#!/bin/sh
# An IPv4 prefix length is 0 to 32.
sudo iptables -A INPUT -s 203.0.113.0/33 -j DROP
