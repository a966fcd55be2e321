#!/bin/sh
# A rule that is not there cannot be deleted.
sudo iptables -D INPUT -s 203.0.113.51 -j DROP
