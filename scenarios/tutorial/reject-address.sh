#!/bin/sh
# Nothing from one address, and it is told so (ICMP port unreachable).
sudo iptables -A INPUT -s 203.0.113.51 -j REJECT
