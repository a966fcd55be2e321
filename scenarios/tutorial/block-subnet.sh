#!/bin/sh
# Nothing from a whole subnet: once silently, once with an answer. The first of the two decides.
sudo iptables -A INPUT -s 203.0.113.0/24 -j DROP
sudo iptables -A INPUT -s 203.0.113.0/24 -j REJECT
