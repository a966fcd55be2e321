#!/bin/sh
# A policy is ACCEPT or DROP; to refuse with an answer, end the chain with a REJECT rule.
sudo iptables -P INPUT REJECT
